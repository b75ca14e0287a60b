//! One inference of the shipped model: by our kernel on each code path that this processor supports, and by tract.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use kalshi_actor::decide::policy::OnnxPolicy;
use kalshi_actor::decide::policy::kernel::CpuPath;
use tract_onnx::prelude::*;

fn observation() -> [f32; 52] {
    std::array::from_fn(|feature| (feature as f32 * 0.37).sin())
}

/// The shipped model in tract.
fn tract() -> Arc<TypedRunnableModel> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/models/maker_clone.onnx");
    let model = tract_onnx::onnx().model_for_path(file).expect("tract reads the shipped model");
    let model = model.with_input_fact(0, f32::fact([1, 52]).into()).expect("52 features");
    model.into_optimized().and_then(TypedModel::into_runnable).expect("tract takes the shipped model")
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
    let plan = tract();
    group.bench_function("tract", |bencher| {
        bencher.iter(|| {
            let input = Tensor::from_shape(&[1, 52], black_box(&observation)).expect("52 features");
            plan.run(tvec!(input.into())).expect("logits")
        });
    });
    group.finish();
}

criterion_group!(benches, inference);
criterion_main!(benches);
