"""The client that is not ours: boto3, one JSON call a line in, one JSON answer a line out."""
import datetime
import json
import os
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

clients = {}
keys = {"aws_access_key_id": "outside", "aws_secret_access_key": "outside"}


def made(service):
    return boto3.client(
        service,
        region_name=os.environ["AWS_REGION"],
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
        config=Config(retries={"max_attempts": 3}),
        **keys,
    )


def client(service):
    if service not in clients:
        clients[service] = made(service)
    return clients[service]


if os.environ["OUTSIDE_ROLE"]:
    granted = made("sts").assume_role(RoleArn=os.environ["OUTSIDE_ROLE"], RoleSessionName="outside")["Credentials"]
    keys = {
        "aws_access_key_id": granted["AccessKeyId"],
        "aws_secret_access_key": granted["SecretAccessKey"],
        "aws_session_token": granted["SessionToken"],
    }


def plain(value):
    return value.isoformat() if isinstance(value, datetime.datetime) else str(value)


for line in sys.stdin:
    call = json.loads(line)
    try:
        answer = getattr(client(call["service"]), call["operation"])(**call["arguments"])
        answer.pop("ResponseMetadata", None)
        print(json.dumps({"ok": answer}, default=plain), flush=True)
    except ClientError as error:
        print(json.dumps({"error": error.response["Error"]}, default=plain), flush=True)
