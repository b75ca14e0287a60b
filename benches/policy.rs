//! One inference of the shipped model: by our kernel on each code path that this processor supports, and by tract.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use kalshi_actor::decide::policy::OnnxPolicy;
use kalshi_actor::decide::policy::kernel::CpuPath;

fn observation() -> [f32; 52] {
    std::array::from_fn(|feature| (feature as f32 * 0.37).sin())
}

fn inference(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("policy");
    let policy = OnnxPolicy::built_in().expect("the shipped model is accepted");
    let observation = observation();
    for path in CpuPath::available() {
        let mut kernel = policy.kernel().clone().on(path).expect("an available path");
        let mut logits = [0.0; 5];
        group.bench_function(format!("kernel_{path:?}").to_lowercase(), |bencher| {
            bencher.iter(|| {
                kernel.run(black_box(&observation), &mut logits);
                black_box(logits)
            });
        });
    }
    let oracle = OnnxPolicy::built_in_oracle().expect("tract takes the shipped model");
    group.bench_function("tract", |bencher| bencher.iter(|| oracle.run(black_box(&observation))));
    group.finish();
}

criterion_group!(benches, inference);
criterion_main!(benches);
