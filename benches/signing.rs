//! The cost of a request's signature: making it, which happens before the decision where the path is known, and
//! verifying it on the exchange.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use kalshi_actor::wire::orders::ORDERS_PATH;
use kalshi_actor::wire::sign::{SignatureText, Signer, generate_ed25519, generate_rsa_2048};

fn signing(criterion: &mut Criterion) {
    for (name, pem) in [("rsa2048", generate_rsa_2048()), ("ed25519", generate_ed25519())] {
        let signer = Signer::from_pem(&pem.expect("keys can be made")).expect("a key just made is readable");
        let verifier = signer.verifier();
        let mut text = SignatureText::new();
        let mut group = criterion.benchmark_group(format!("signing/{name}"));
        group.bench_function("sign", |b| {
            b.iter(|| signer.sign(black_box(1_795_233_600_007), "POST", ORDERS_PATH, &mut text));
        });
        group.bench_function("verify", |b| {
            b.iter(|| verifier.verify("1795233600007", "POST", ORDERS_PATH, black_box(text.as_str())));
        });
        group.finish();
    }
}

criterion_group!(benches, signing);
criterion_main!(benches);
