//! What async-nats has for getting in, passes through.

use std::path::Path;

use jobgraph_nats::async_nats::ConnectOptions;

use super::*;

/// A call through a server that lets in only who connects so.
fn calls(nats: &Nats) -> Result<u64, String> {
    let mut graph = SendJobGraph::new().timeout(Duration::from_secs(20));
    let handlers = Handlers::new().on(DOUBLE, async |_: CallContext, n: u64| jobgraph::ok(n * 2));
    graph.add(nats.clone().worker(handlers, 1).label("worker").critical());
    let engine = graph.add(nats.clone().engine().critical());
    let four = graph.add(DOUBLE.of(&engine, 2));
    let report = Way::TokioInPlace.run(graph);
    let errors = || report.jobs().filter_map(|job| job.error().map(ToString::to_string)).collect();
    report.output(&four).copied().ok_or_else(errors)
}

fn openssl(folder: &Path, args: &str) {
    let mut command = Command::new("openssl");
    command.args(args.split(' ')).current_dir(folder).stderr(Stdio::null());
    assert!(command.status().unwrap().success(), "openssl {args}");
}

/// An authority, and what it has signed: the server's certificate and ours.
fn certificates(folder: &Path) {
    let new = "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(folder, &format!("{new} -x509 -days 2 -subj /CN=authority -keyout ca.key -out ca.pem"));
    std::fs::write(folder.join("server.ext"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    std::fs::write(folder.join("client.ext"), "extendedKeyUsage=clientAuth\n").unwrap();
    for who in ["server", "client"] {
        openssl(folder, &format!("{new} -subj /CN={who} -keyout {who}.key -out {who}.csr"));
        let sign = "x509 -req -days 2 -CA ca.pem -CAkey ca.key -CAcreateserial";
        openssl(folder, &format!("{sign} -in {who}.csr -extfile {who}.ext -out {who}.pem"));
    }
}

#[test]
fn a_server_may_ask_for_certificates() {
    let folder = Folder::new();
    certificates(&folder.0);
    let at = |file: &str| folder.0.join(file);
    let server = Server::with(
        &format!(
            "tls {{ cert_file: {:?}, key_file: {:?}, ca_file: {:?}, verify: true }}",
            at("server.pem"),
            at("server.key"),
            at("ca.pem")
        ),
        true,
    );
    let options = || ConnectOptions::new().require_tls(true).add_root_certificates(at("ca.pem"));
    let nats = |options| quick(&server.url()).options(options);
    let ours = options().add_client_certificate(at("client.pem"), at("client.key"));
    assert_eq!(calls(&nats(ours)), Ok(4));
    // Without our own we are not let in, and it is said.
    let error = calls(&nats(options())).unwrap_err();
    assert!(error.contains("cannot connect to nats://127.0.0.1"), "{error}");
    // Nor do we trust whoever signed theirs.
    let error = calls(&nats(ConnectOptions::new().require_tls(true))).unwrap_err();
    assert!(error.contains("cannot connect to nats://127.0.0.1"), "{error}");
}

#[cfg(feature = "nkeys")]
#[test]
fn a_server_may_know_us_by_a_key() {
    let (ours, another) = (nkeys::KeyPair::new_user(), nkeys::KeyPair::new_user());
    let users = format!("authorization {{ users: [{{ nkey: {} }}] }}", ours.public_key());
    let server = Server::with(&users, true);
    let with = |key: &nkeys::KeyPair| {
        quick(&server.url()).options(ConnectOptions::with_nkey(key.seed().unwrap()))
    };
    assert_eq!(calls(&with(&ours)), Ok(4));
    let error = calls(&with(&another)).unwrap_err();
    assert!(error.contains("cannot connect to nats://127.0.0.1"), "{error}");
}
