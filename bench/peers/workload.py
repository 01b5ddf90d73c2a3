#!/usr/bin/env python3
"""The one workload every peer gets: S security groups with 2 rules each, T target groups,
T task definitions, T ECS services in one cluster. Plus its out-of-band drifts and a check.

  workload.py setup                      make the VPC and subnets the workload stands on
  workload.py terraform DIR [--sgs 50 --tgs 20] [--split-rules]
  workload.py ansible DIR [--sgs 50 --tgs 20]
  workload.py holdfast DIR [--sgs 50 --tgs 20]
  workload.py drift                      make 5 out-of-band changes
  workload.py verify                     exit 0 if live state equals the workload
"""
import argparse, json, os, sys

REGION = "us-east-1"
ENDPOINT = os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:5599")
ECS = not os.environ.get("BENCH_NO_ECS")      # a peer without ECS support gets groups and target groups only


def client(svc):
    import boto3
    from botocore.config import Config
    return boto3.client(svc, region_name=REGION, endpoint_url=ENDPOINT,
                        aws_access_key_id="test", aws_secret_access_key="test",
                        config=Config(retries={"max_attempts": 10, "mode": "standard"}, max_pool_connections=32))


def sg(i):
    return {"name": f"bench-sg-{i:05d}", "description": "bench",
            "rules": [(80, 80, "10.0.0.0/8"), (1000 + i, 1000 + i, "10.1.0.0/16")]}


def tg(i):
    return {"name": f"bench-tg-{i:05d}", "port": 8000, "path": "/health", "delay": 120}


def td(i):
    return {"family": f"bench-td-{i:05d}", "image": f"registry.example/app:{i}", "cpu": 256, "mem": 512}


def svc(i):
    return {"name": f"bench-svc-{i:05d}", "desired": 2}


CLUSTER = "bench"


def setup():
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subs = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{i}.0/24", AvailabilityZone=f"us-east-1{z}")
            ["Subnet"]["SubnetId"] for i, z in ((1, "a"), (2, "b"))]
    return {"vpc": vpc, "subnets": subs}


def base():
    ec2 = client("ec2")
    vpc = [v["VpcId"] for v in ec2.describe_vpcs()["Vpcs"] if v["CidrBlock"] == "10.0.0.0/16"][0]
    subs = [s["SubnetId"] for s in ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]]
    return {"vpc": vpc, "subnets": sorted(subs)}


def terraform(d, nsg, ntg, split):
    b = base()
    os.makedirs(d, exist_ok=True)
    r = {"aws_security_group": {}, "aws_lb_target_group": {}, "aws_ecs_task_definition": {},
         "aws_ecs_service": {}, "aws_ecs_cluster": {"c": {"name": CLUSTER}}}
    if split:
        r["aws_vpc_security_group_ingress_rule"] = {}
    tags = {"managed": "bench"}
    for i in range(nsg):
        s = sg(i)
        body = {"name": s["name"], "description": s["description"], "vpc_id": b["vpc"], "tags": tags}
        if split:
            for k, (lo, hi, c) in enumerate(s["rules"]):
                r["aws_vpc_security_group_ingress_rule"][f"r{i}_{k}"] = {
                    "security_group_id": "${aws_security_group.s%d.id}" % i,
                    "from_port": lo, "to_port": hi, "ip_protocol": "tcp", "cidr_ipv4": c}
        else:
            body["ingress"] = [{"from_port": lo, "to_port": hi, "protocol": "tcp", "cidr_blocks": [c],
                                "description": "", "ipv6_cidr_blocks": [], "prefix_list_ids": [],
                                "security_groups": [], "self": False} for lo, hi, c in s["rules"]]
        r["aws_security_group"][f"s{i}"] = body
    for i in range(ntg):
        t, e, v = tg(i), td(i), svc(i)
        r["aws_lb_target_group"][f"t{i}"] = {
            "name": t["name"], "port": t["port"], "protocol": "HTTP", "vpc_id": b["vpc"], "target_type": "ip",
            "deregistration_delay": t["delay"], "health_check": {"path": t["path"]}, "tags": tags}
        r["aws_ecs_task_definition"][f"d{i}"] = {
            "family": e["family"], "network_mode": "awsvpc", "requires_compatibilities": ["FARGATE"],
            "cpu": e["cpu"], "memory": e["mem"], "tags": tags, "container_definitions": json.dumps([{
                "name": "app", "image": e["image"], "essential": True,
                "portMappings": [{"containerPort": 8000, "hostPort": 8000, "protocol": "tcp"}]}])}
        r["aws_ecs_service"][f"v{i}"] = {
            "name": v["name"], "cluster": "${aws_ecs_cluster.c.id}", "launch_type": "FARGATE",
            "task_definition": "${aws_ecs_task_definition.d%d.arn}" % i, "desired_count": v["desired"],
            "network_configuration": {"subnets": b["subnets"],
                                      "security_groups": ["${aws_security_group.s%d.id}" % (i % nsg)]},
            "load_balancer": [{"target_group_arn": "${aws_lb_target_group.t%d.arn}" % i,
                               "container_name": "app", "container_port": 8000}], "tags": tags,
            # the emulator does not return this field; ignoring it keeps a no-op plan a no-op
            "lifecycle": {"ignore_changes": ["availability_zone_rebalancing"]}}
    if not ECS:
        for k in [k for k in r if k.startswith("aws_ecs")]:
            del r[k]
    doc = {"terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}},
           "provider": {"aws": {"region": REGION, "access_key": "test", "secret_key": "test",
                                "skip_credentials_validation": True, "skip_metadata_api_check": True,
                                "skip_requesting_account_id": True, "skip_region_validation": True,
                                "max_retries": 25}},
           "resource": r}
    with open(os.path.join(d, "main.tf.json"), "w") as f:
        json.dump(doc, f, indent=1)


def ansible(d, nsg, ntg):
    b = base()
    os.makedirs(d, exist_ok=True)
    tags = {"managed": "bench"}
    tasks = [
        {"name": "security groups", "amazon.aws.ec2_security_group": {
            "name": "{{ item.name }}", "description": "{{ item.description }}", "vpc_id": b["vpc"],
            "rules": "{{ item.rules }}", "tags": tags, "purge_rules": True, "purge_rules_egress": False},
         "loop": "{{ sgs }}", "loop_control": {"label": "{{ item.name }}"}},
        {"name": "target groups", "community.aws.elb_target_group": {
            "name": "{{ item.name }}", "port": "{{ item.port }}", "protocol": "http", "vpc_id": b["vpc"],
            "target_type": "ip", "health_check_protocol": "http", "health_check_path": "{{ item.path }}",
            "state": "present",
            "deregistration_delay_timeout": "{{ item.delay }}", "tags": tags},
         "loop": "{{ tgs }}", "loop_control": {"label": "{{ item.name }}"}, "register": "tgr"},
        # elb_target_group has no check mode (it is skipped there), so a dry run looks the ARNs up
        {"name": "target group ARNs for a dry run", "community.aws.elb_target_group_info": {
            "names": "{{ tgs | map(attribute='name') | list }}"}, "register": "tgi",
         "when": "ansible_check_mode", "check_mode": False},
        {"name": "cluster", "community.aws.ecs_cluster": {"name": CLUSTER, "state": "present"}},
        {"name": "task definitions", "community.aws.ecs_taskdefinition": {
            "family": "{{ item.family }}", "network_mode": "awsvpc", "launch_type": "FARGATE",
            "cpu": "{{ item.cpu | string }}", "memory": "{{ item.mem | string }}", "state": "present",
            "containers": [{"name": "app", "image": "{{ item.image }}", "essential": True,
                            "portMappings": [{"containerPort": 8000, "hostPort": 8000, "protocol": "tcp"}]}]},
         "loop": "{{ tds }}", "loop_control": {"label": "{{ item.family }}"}},
        {"name": "services", "community.aws.ecs_service": {
            "name": "{{ item.name }}", "cluster": CLUSTER, "state": "present", "launch_type": "FARGATE",
            "task_definition": "{{ item.family }}:1", "desired_count": "{{ item.desired }}",
            "network_configuration": {"subnets": b["subnets"], "security_groups": "{{ [item.sg] }}"},
            "load_balancers": [{"targetGroupArn": "{{ arns[item.name | replace('svc', 'tg')] }}",
                                "containerName": "app", "containerPort": 8000}], "tags": tags},
         "vars": {"arns": "{{ ((tgi.target_groups if ansible_check_mode else tgr.results) "
                          "| items2dict(key_name='target_group_name', value_name='target_group_arn')) }}"},
         "loop": "{{ svcs }}", "loop_control": {"label": "{{ item.name }}"}},
    ]
    if not ECS:
        tasks = tasks[:2]
    play = [{"hosts": "localhost", "connection": "local", "gather_facts": False,
             "module_defaults": {"group/aws": {"region": REGION, "endpoint_url": ENDPOINT,
                                               "access_key": "test", "secret_key": "test"}},
             "vars": {
                 "sgs": [{"name": s["name"], "description": s["description"],
                          "rules": [{"proto": "tcp", "from_port": lo, "to_port": hi, "cidr_ip": c}
                                    for lo, hi, c in s["rules"]]} for s in map(sg, range(nsg))],
                 "tgs": [tg(i) for i in range(ntg)], "tds": [td(i) for i in range(ntg)],
                 "svcs": [dict(svc(i), i=i, family=td(i)["family"], sg=sg(i % nsg)["name"], arn="")
                          for i in range(ntg)]},
             "tasks": tasks}]
    with open(os.path.join(d, "site.yml"), "w") as f:
        json.dump(play, f, indent=1)


def holdfast(d, nsg, ntg):
    b = base()
    os.makedirs(d, exist_ok=True)
    res = [{"kind": "Cluster", "metadata": {"name": "c"}, "spec": {"clusterName": CLUSTER}}]
    one = lambda kind, name, spec: res.append({"kind": kind, "metadata": {"name": name}, "spec": spec})
    for i in range(nsg):
        s = sg(i)
        one("SecurityGroup", f"g{i}", {
            "groupName": s["name"], "description": s["description"], "vpcId": b["vpc"],
            "ingress": [{"ipProtocol": "tcp", "fromPort": lo, "toPort": hi, "cidrIpv4": c} for lo, hi, c in s["rules"]]})
    for i in range(ntg):
        t, e, v = tg(i), td(i), svc(i)
        one("TargetGroup", f"t{i}", {
            "name": t["name"], "protocol": "HTTP", "port": t["port"], "vpcId": b["vpc"], "targetType": "ip",
            "healthCheckPath": t["path"], "attributes": {"deregistration_delay.timeout_seconds": str(t["delay"])}})
        one("TaskDefinition", f"d{i}", {
            "family": e["family"], "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
            "cpu": str(e["cpu"]), "memory": str(e["mem"]), "containerDefinitions": [{
                "name": "app", "image": e["image"], "essential": True,
                "portMappings": [{"containerPort": 8000, "hostPort": 8000, "protocol": "tcp"}]}]})
        one("Service", f"s{i}", {
            "cluster": "${Cluster/c.arn}", "serviceName": v["name"], "desiredCount": v["desired"], "launchType": "FARGATE",
            "taskDefinition": "${TaskDefinition/d%d.arn}" % i,
            "networkConfiguration": {"awsvpcConfiguration": {
                "subnets": b["subnets"], "securityGroups": ["${SecurityGroup/g%d.id}" % (i % nsg)]}},
            "loadBalancers": [{"targetGroupArn": "${TargetGroup/t%d.arn}" % i, "containerName": "app",
                               "containerPort": 8000}]})
    with open(os.path.join(d, "stack.json"), "w") as f:
        json.dump({"apiVersion": "holdfast.dev/v1", "kind": "Stack", "metadata": {"name": "bench"},
                   "spec": {"region": REGION, "tags": {"managed": "bench"}, "resources": res}}, f)


def drift():
    ec2, elb, ecs = client("ec2"), client("elbv2"), client("ecs")
    gid = {g["GroupName"]: g["GroupId"] for g in ec2.describe_security_groups()["SecurityGroups"]}
    ec2.authorize_security_group_ingress(GroupId=gid[sg(3)["name"]], IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
    ec2.revoke_security_group_ingress(GroupId=gid[sg(7)["name"]], IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}])
    arn = {t["TargetGroupName"]: t["TargetGroupArn"] for t in elb.describe_target_groups()["TargetGroups"]}
    elb.modify_target_group(TargetGroupArn=arn[tg(2)["name"]], HealthCheckPath="/wrong")
    elb.modify_target_group_attributes(TargetGroupArn=arn[tg(4)["name"]], Attributes=[
        {"Key": "deregistration_delay.timeout_seconds", "Value": "5"}])
    if ECS:
        ecs.update_service(cluster=CLUSTER, service=svc(5)["name"], desiredCount=7)


def pages(fn, key, **kw):
    out = []
    pag = fn.__self__.get_paginator(fn.__name__)
    for p in pag.paginate(**kw):
        out += p[key]
    return out


def verify(nsg, ntg, quiet=False):
    """Problems found, as a list of strings."""
    ec2, elb, ecs = client("ec2"), client("elbv2"), client("ecs")
    bad = []
    live = {g["GroupName"]: g for g in pages(ec2.describe_security_groups, "SecurityGroups",
                                             PaginationConfig={"PageSize": 1000})}
    for s in map(sg, range(nsg)):
        g = live.get(s["name"])
        have = {(p.get("FromPort"), p.get("ToPort"), r["CidrIp"]) for p in (g or {}).get("IpPermissions", [])
                for r in p.get("IpRanges", [])}
        if g is None or have != set(s["rules"]):
            bad.append(f"sg {s['name']}: {sorted(have)}")
    tgs = {t["TargetGroupName"]: t for t in pages(elb.describe_target_groups, "TargetGroups")}
    for t in map(tg, range(ntg)):
        x = tgs.get(t["name"])
        if x is None or x["HealthCheckPath"] != t["path"]:
            bad.append(f"tg {t['name']}: {x and x['HealthCheckPath']}")
            continue
        at = {a["Key"]: a["Value"] for a in
              elb.describe_target_group_attributes(TargetGroupArn=x["TargetGroupArn"])["Attributes"]}
        if at.get("deregistration_delay.timeout_seconds") != str(t["delay"]):
            bad.append(f"tg {t['name']}: delay {at.get('deregistration_delay.timeout_seconds')}")
    if not ECS:
        return bad
    names = [svc(i)["name"] for i in range(ntg)]
    seen = {}
    for i in range(0, ntg, 10):
        try:
            for s in ecs.describe_services(cluster=CLUSTER, services=names[i:i + 10])["services"]:
                seen[s["serviceName"]] = s
        except Exception as e:
            bad.append(f"services: {e}")
            break
    for v in map(svc, range(ntg)):
        s = seen.get(v["name"])
        if s is None or s["desiredCount"] != v["desired"] or s["status"] != "ACTIVE":
            bad.append(f"svc {v['name']}: {s and s['desiredCount']}")
    return bad


def main():
    p = argparse.ArgumentParser()
    p.add_argument("what", choices=["setup", "terraform", "ansible", "holdfast", "drift", "verify"])
    p.add_argument("dir", nargs="?")
    p.add_argument("--sgs", type=int, default=50)
    p.add_argument("--tgs", type=int, default=20)
    p.add_argument("--split-rules", action="store_true")
    a = p.parse_args()
    if a.what == "setup":
        print(json.dumps(setup()))
    elif a.what == "terraform":
        terraform(a.dir, a.sgs, a.tgs, a.split_rules)
    elif a.what == "ansible":
        ansible(a.dir, a.sgs, a.tgs)
    elif a.what == "holdfast":
        holdfast(a.dir, a.sgs, a.tgs)
    elif a.what == "drift":
        drift()
    else:
        bad = verify(a.sgs, a.tgs)
        print("\n".join(bad) or "clean")
        sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
