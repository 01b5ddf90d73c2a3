//! Several accounts and regions in one process, each entered by a role of its own, against moto, which keeps accounts
//! apart by the role that was assumed. Each account has an endpoint of its own: a proxy before the same moto.

use anyhow::{Context, Result, ensure};
use holdfast_tests::emulator::{Backend, Emulator};
use holdfast_tests::eventually;
use holdfast_tests::proxy::Proxy;
use holdfast_tests::refusal::Refusal;
use holdfast_tests::scenario::PATIENCE;
use holdfast_tests::server::{Server, binary};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

const REGIONS: [&str; 2] = ["eu-west-3", "eu-central-1"];

/// An account as its document names it, its id, and the way into it.
struct Member {
    name: &'static str,
    id: &'static str,
    proxy: Proxy,
}

/// Two accounts with two regions each under one process.
struct House {
    emulator: Emulator,
    server: Server,
    alpha: Member,
    beta: Member,
    _folder: tempfile::TempDir,
}

impl House {
    fn begin() -> Result<Self> {
        let emulator = Emulator::start(Backend::Moto)?;
        let folder = tempfile::tempdir()?;
        let server = Server::start(&emulator.endpoint, &folder.path().join("holdfast.db"), &[])?;
        let member = |name, id| -> Result<Member> { Ok(Member { name, id, proxy: Proxy::start(&emulator.endpoint)? }) };
        let (alpha, beta) = (member("alpha", "111111111111")?, member("beta", "222222222222")?);
        Ok(Self { server, alpha, beta, emulator, _folder: folder })
    }

    fn scope(&self, member: &Member, region: &str) -> Result<Value> {
        scope(&self.server, member.name, region)
    }

    /// Both regions of an account are in sync, with nothing to say of either.
    fn is_well(&self, member: &Member) -> Result<()> {
        for region in REGIONS {
            self.server.in_sync(&stack_name(member.name, region), PATIENCE)?;
            let scope = self.scope(member, region)?;
            ensure!(scope["error"].is_null(), "{scope:#}");
        }
        Ok(())
    }

    /// Waits until a scope says all of this of itself.
    fn says(&self, member: &Member, region: &str, words: &[&str]) -> Result<String> {
        says(&self.server, member.name, region, words)
    }

    /// Waits until each region of an account was swept so many times more.
    fn goes_on(&self, member: &Member, sweeps: usize) -> Result<()> {
        for region in REGIONS {
            for _ in 0..sweeps {
                let before = self.scope(member, region)?["sweptAt"].take();
                eventually("sweep", Duration::from_secs(30), || {
                    Ok((self.scope(member, region)?["sweptAt"] != before).then_some(()))
                })?;
            }
        }
        Ok(())
    }

    fn events(&self, reason: &str) -> Result<Vec<String>> {
        let page = self.server.get("/v1/events?limit=500")?;
        let all = page["items"].as_array().into_iter().flatten().filter(|e| e["reason"] == reason);
        Ok(all.filter_map(|e| e["message"].as_str().map(str::to_owned)).collect())
    }

    /// What boto3 sees of ours in an account and region.
    fn live(&self, id: &str, region: &str) -> Result<usize> {
        let mut outside = self.emulator.outside_in(region, Some(&role(id)))?;
        let ours = json!({ "Filters": [{ "Name": "tag-key", "Values": ["holdfast:uid"] }] });
        let vpcs = outside.call("ec2", "describe_vpcs", ours.clone())?;
        let groups = outside.call("ec2", "describe_security_groups", ours)?;
        let clusters = outside.call("ecs", "list_clusters", json!({}))?;
        let count = |found: &Value| found.as_array().map_or(0, Vec::len);
        Ok(count(&vpcs["Vpcs"]) + count(&groups["SecurityGroups"]) + count(&clusters["clusterArns"]))
    }
}

fn scope(server: &Server, account: &str, region: &str) -> Result<Value> {
    let scopes = server.get("/v1/scopes")?;
    let mut all = scopes["items"].as_array().into_iter().flatten();
    let found = all.find(|s| s["account"] == account && s["region"] == region);
    found.cloned().with_context(|| format!("no scope {account}/{region} in {scopes}"))
}

fn says(server: &Server, account: &str, region: &str, words: &[&str]) -> Result<String> {
    let mut last = Value::Null;
    let said = eventually("condition of the scope", Duration::from_secs(60), || {
        last = scope(server, account, region)?["error"].take();
        Ok(last.as_str().filter(|said| words.iter().all(|w| said.contains(w))).map(str::to_owned))
    });
    said.with_context(|| format!("{account}/{region} was to say {words:?} and says {last}"))
}

fn role(id: &str) -> String {
    format!("arn:aws:iam::{id}:role/holdfast-member")
}

fn account(name: &str, id: &str, endpoint: &str) -> Value {
    json!({ "apiVersion": "holdfast.dev/v1", "kind": "Account", "metadata": { "name": name },
            "spec": { "accountId": id, "roleArn": role(id), "externalId": format!("for-{name}"), "endpointUrl": endpoint } })
}

fn stack_name(account: &str, region: &str) -> String {
    format!("shop-{account}-{region}")
}

/// The same documents for every scope, down to the names.
fn stack(account: &str, region: &str) -> Value {
    let resource =
        |kind: &str, name: &str, spec: Value| json!({ "kind": kind, "metadata": { "name": name }, "spec": spec });
    let rule = json!({ "ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": "10.0.0.0/8" });
    let group = json!({ "groupName": "shop", "description": "the shop", "vpcId": "${Vpc/net.id}", "ingress": [rule] });
    let container = json!({ "name": "shop", "image": "shop:1", "memory": 64 });
    let resources = [
        resource("Vpc", "net", json!({ "cidrBlock": "10.0.0.0/16" })),
        resource("SecurityGroup", "shop", group),
        resource("Cluster", "shop", json!({ "clusterName": "shop" })),
        resource("TaskDefinition", "shop", json!({ "family": "shop", "containerDefinitions": [container] })),
    ];
    json!({ "apiVersion": "holdfast.dev/v1", "kind": "Stack", "metadata": { "name": stack_name(account, region) },
            "spec": { "account": account, "region": region, "policy": { "deletion": "delete" }, "resources": resources } })
}

/// The documents of an account: its own, and a stack a region.
fn documents(account_document: Value) -> Value {
    let name = account_document["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let items: Vec<Value> =
        std::iter::once(account_document).chain(REGIONS.iter().map(|region| stack(&name, region))).collect();
    json!({ "apiVersion": "holdfast.dev/v1", "kind": "List", "items": items })
}

/// What a command of the built binary says.
fn told(server: &Server, arguments: &[&str]) -> Result<String> {
    let output = Command::new(binary()?).args(arguments).args(["--server", &server.url]).output()?;
    Ok(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
fn two_accounts_and_two_regions_are_kept_apart_while_one_of_them_cannot_be_entered() -> Result<()> {
    let house = House::begin()?;
    let (server, alpha, beta) = (&house.server, &house.alpha, &house.beta);
    let words = "User: arn:aws:iam::123456789012:user/h is not authorized to perform: sts:AssumeRole";
    beta.proxy.refuse(vec![Refusal::of("AssumeRole", "AccessDenied", words).status(403)]);
    for member in [alpha, beta] {
        server.apply(&documents(account(member.name, member.id, &member.proxy.endpoint)), "")?;
    }
    house.is_well(alpha)?;
    for region in REGIONS {
        house.says(beta, region, &["AccessDenied", "sts:AssumeRole", "trust policy", "\"beta\""])?;
    }
    house.goes_on(alpha, 3)?;
    let ever: Vec<String> = beta.proxy.ever().into_iter().collect();
    ensure!(ever == ["AssumeRole"], "an account that cannot be entered was asked {ever:?}");
    let failed = house.events("ScopeFailed")?;
    ensure!(failed.len() == 2 && failed.iter().all(|m| m.contains("beta")), "one for each scope: {failed:#?}");
    let gaps = house.scope(beta, REGIONS[0])?["gaps"].take();
    ensure!(gaps == json!([]), "the scope says it, and not each kind again: {gaps}");
    let blamed = house.events("ActionFailed")?;
    ensure!(blamed.is_empty(), "no resource is blamed: {blamed:#?}");
    server.get("/readyz").context("one account must not take the server out of service")?;
    for arguments in [["scopes"], ["doctor"]] {
        let said = told(server, &arguments)?;
        ensure!(said.contains("AccessDenied") && said.contains("alpha"), "{arguments:?} says {said}");
    }

    // The role is mended; in one of the regions STS is not active yet.
    let words = "STS is not activated in this region for account:222222222222.";
    let disabled = Refusal::of("AssumeRole", "RegionDisabledException", words).status(403).region(REGIONS[1]);
    beta.proxy.refuse(vec![disabled]);
    server.in_sync(&stack_name("beta", REGIONS[0]), PATIENCE)?;
    house.says(beta, REGIONS[1], &["RegionDisabled", "enable the region"])?;
    ensure!(house.live(beta.id, REGIONS[1])? == 0, "what is not certain is not written");
    beta.proxy.refuse(vec![]);
    house.is_well(beta)?;

    is_apart(&house)?;
    sessions_carry_who_and_what(&house)
}

/// Each of the four scopes has its own of everything, and the management account has nothing.
fn is_apart(house: &House) -> Result<()> {
    let mut ids = BTreeSet::new();
    for (member, region) in [&house.alpha, &house.beta].into_iter().flat_map(|m| REGIONS.map(|r| (m, r))) {
        let stack = stack_name(member.name, region);
        let resource = house.server.get(&format!("/v1/resources/{stack}/Cluster/shop"))?;
        let expected = format!("arn:aws:ecs:{region}:{}:cluster/shop", member.id);
        ensure!(resource["status"]["outputs"]["arn"] == expected.as_str(), "{resource:#}");
        let vpc = house.server.get(&format!("/v1/resources/{stack}/Vpc/net"))?;
        ids.insert(vpc["status"]["outputs"]["id"].to_string());
        let live = house.live(member.id, region)?;
        ensure!(live == 3, "{live} things of ours in {}/{region}", member.name);
    }
    ensure!(ids.len() == 4, "four networks: {ids:?}");
    ensure!(
        house.live("123456789012", REGIONS[0])? == 0,
        "nothing was made with the credentials of the process itself"
    );
    Ok(())
}

/// Roles are assumed once a scope, with the external id, a name and tags; each write names its intent.
fn sessions_carry_who_and_what(house: &House) -> Result<()> {
    let assumed = house.alpha.proxy.assumed();
    ensure!(assumed.len() == REGIONS.len(), "one session a scope: {assumed:#?}");
    for request in &assumed {
        for part in [
            "RoleArn=arn%3Aaws%3Aiam%3A%3A111111111111%3Arole%2Fholdfast-member",
            "ExternalId=for-alpha",
            concat!("RoleSessionName=holdfast-", env!("CARGO_PKG_VERSION"), "-alpha"),
            "Tags.member.1.Key=holdfast%3Aaccount&Tags.member.1.Value=alpha",
            "Tags.member.2.Key=holdfast%3Aregion",
        ] {
            ensure!(request.contains(part), "{part} is not in {request}");
        }
    }
    let writes = house.alpha.proxy.order();
    ensure!(writes.len() >= 2 * 4, "{writes:#?}");
    let intents: BTreeSet<&str> = writes.iter().filter_map(|w| w.agent.split("md/holdfast-intent#").nth(1)).collect();
    ensure!(intents.len() >= 2 * 4, "each write names its intent: {writes:#?}");
    ensure!(
        writes.iter().all(|w| w.agent.contains(concat!("app/holdfast-", env!("CARGO_PKG_VERSION")))),
        "{writes:#?}"
    );
    Ok(())
}

#[test]
fn credentials_that_aws_takes_no_more_are_renewed_and_say_so_once_while_they_cannot_be() -> Result<()> {
    let house = House::begin()?;
    let (server, alpha, beta) = (&house.server, &house.alpha, &house.beta);
    for member in [alpha, beta] {
        server.apply(&documents(account(member.name, member.id, &member.proxy.endpoint)), "")?;
        house.is_well(member)?;
    }
    let assumed = beta.proxy.assumed().len();
    let words = "The security token included in the request is invalid.";
    beta.proxy.refuse(vec![Refusal::of_all("InvalidClientTokenId", words).status(403)]);
    for region in REGIONS {
        house.says(beta, region, &["InvalidClientTokenId", "renew them"])?;
        let resources = server.resources(&stack_name("beta", region))?;
        ensure!(resources.iter().all(|r| r["status"]["phase"] == "Unknown"), "nothing claims to be known");
    }
    house.goes_on(alpha, 3)?;
    house.is_well(alpha)?;
    beta.proxy.refuse(vec![]);
    house.is_well(beta)?;
    let failed = house.events("ScopeFailed")?;
    ensure!(failed.len() == 2 && failed.iter().all(|m| m.contains("beta")), "one for each scope: {failed:#?}");
    ensure!(house.events("ScopeRecovered")?.len() == 2);
    ensure!(beta.proxy.assumed().len() >= assumed + 2, "the sessions that AWS did not take were had anew");
    ensure!(alpha.proxy.assumed().len() == 2, "and no others");
    Ok(())
}

#[test]
fn an_endpoint_that_answers_nothing_and_credentials_of_another_account_hold_up_nobody_else() -> Result<()> {
    let house = House::begin()?;
    let (server, alpha) = (&house.server, &house.alpha);
    server.apply(&documents(account(alpha.name, alpha.id, &alpha.proxy.endpoint)), "")?;
    house.is_well(alpha)?;
    let calls = alpha.proxy.total();

    // Connections are taken, and nothing ever comes back.
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let endpoint = format!("http://{}", silent.local_addr()?);
    server.apply(&documents(account("silent", "333333333333", &endpoint)), "")?;
    // Without a role it is the process's own credentials, which are those of another account.
    let mut own = account("mistaken", "444444444444", &house.emulator.endpoint);
    own["spec"].as_object_mut().context("a spec")?.remove("roleArn");
    server.apply(&documents(own), "")?;

    // The sweeps of the others while the first passes over the silent endpoint wait for their answer.
    let mut swept: [BTreeSet<String>; 2] = Default::default();
    eventually("end of the wait for an answer", Duration::from_secs(60), || {
        for (region, seen) in REGIONS.iter().zip(&mut swept) {
            seen.insert(house.scope(alpha, region)?["sweptAt"].to_string());
        }
        Ok(scope(server, "silent", REGIONS[0])?["error"].as_str().map(drop))
    })?;
    ensure!(swept.iter().all(|seen| seen.len() > 3), "they go on in the meantime, but: {swept:?}");
    for region in REGIONS {
        says(server, "mistaken", region, &["444444444444", "123456789012", "nothing is read or written"])?;
        says(server, "silent", region, &["sts:AssumeRole", "did not answer in time"])?;
    }
    house.goes_on(alpha, 3)?;
    house.is_well(alpha)?;
    ensure!(alpha.proxy.total() > calls, "its sweeps went through the proxy");
    ensure!(house.live("123456789012", REGIONS[0])? == 0, "the mistaken account was written to");
    let failed = house.events("ScopeFailed")?;
    ensure!(failed.len() == 4 && !failed.iter().any(|m| m.contains("alpha")), "one for each scope: {failed:#?}");
    server.get("/readyz")?;
    Ok(())
}

fn deployed(name: &str) -> Result<String> {
    Ok(std::fs::read_to_string(format!("{}/../deploy/{name}", env!("CARGO_MANIFEST_DIR")))?)
}

/// The role of a member account is made of the files that people are given, by CloudFormation and by hand.
#[test]
fn the_role_of_a_member_is_made_from_what_is_in_deploy() -> Result<()> {
    let emulator = Emulator::start(Backend::Moto)?;
    let mut member = emulator.outside_in(REGIONS[0], Some(&role("111111111111")))?;
    let read = |name: &str| -> Result<Value> { Ok(serde_json::from_str(&deployed(name)?)?) };
    for (access, file) in [("read-only", "iam/read-only.json"), ("read-write", "iam/member.json")] {
        let given = [("ManagementAccount", "123456789012"), ("ExternalId", "for-alpha"), ("Access", access)];
        let given: Vec<Value> = given
            .iter()
            .map(|(k, v)| json!({ "ParameterKey": k, "ParameterValue": v }))
            .chain([json!({ "ParameterKey": "RoleName", "ParameterValue": access })])
            .collect();
        let body = deployed("member.template.json")?;
        let stack = json!({ "StackName": access, "TemplateBody": body, "Parameters": given, "Capabilities": ["CAPABILITY_NAMED_IAM"] });
        member.call("cloudformation", "create_stack", stack)?;
        let made = member.call("iam", "get_role", json!({ "RoleName": access }))?["Role"].take();
        ensure!(made["Arn"] == format!("arn:aws:iam::111111111111:role/{access}"), "{made:#}");
        let trust = made["AssumeRolePolicyDocument"]["Statement"].as_array().context("statements")?;
        let controller = "arn:aws:iam::123456789012:role/holdfast-controller";
        ensure!(trust.iter().all(|s| s["Principal"]["AWS"] == controller), "{trust:#?}");
        ensure!(trust[0]["Condition"]["StringEquals"]["sts:ExternalId"] == "for-alpha", "{trust:#?}");
        let name = format!("holdfast-{access}");
        let policy = member.call("iam", "get_role_policy", json!({ "RoleName": access, "PolicyName": name }))?;
        // moto keeps the policy of a template as the text of a Python value.
        let text = policy["PolicyDocument"].as_str().context("a policy")?.replace('\'', "\"");
        ensure!(serde_json::from_str::<Value>(&text)? == read(file)?, "{text}");
    }
    let trust = deployed("iam/member-trust.json")?.replace("MANAGEMENT_ACCOUNT", "123456789012");
    let by_hand = json!({ "RoleName": "holdfast-member", "AssumeRolePolicyDocument": trust });
    member.call("iam", "create_role", by_hand)?;
    for file in ["iam/member.json", "iam/read-only.json", "iam/controller.json"] {
        let policy = json!({ "RoleName": "holdfast-member", "PolicyName": "p", "PolicyDocument": deployed(file)? });
        member.call("iam", "put_role_policy", policy).with_context(|| file.to_owned())?;
    }
    Ok(())
}
