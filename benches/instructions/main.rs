//! The number of instructions that the steps of a tick take, counted by valgrind's callgrind and compared with stored
//! figures by `perf/instructions.sh`. Run by itself, this program only executes the steps.
//!
//! Inputs are created here and are the same in every run, and so are the counts. Where a step depends on the processor,
//! each of its paths is counted. Everything behind the port of `execute` is excluded: the signature, HTTP, TLS, the
//! kernel.

#[path = "../inputs/book.rs"]
mod book;
#[path = "../inputs/frames.rs"]
mod frames;
#[path = "../inputs/observation.rs"]
mod observation;
#[path = "../inputs/orders.rs"]
mod orders;
mod path;
#[path = "../inputs/risk.rs"]
mod risk;
#[path = "../inputs/tick.rs"]
mod tick;

use std::hint::black_box;

use kalshi_actor::book::Book;
use kalshi_actor::decide::observation::ExchangeZone;
use kalshi_actor::decide::observation::obs52::{LENGTH, observe};
use kalshi_actor::decide::policy::OnnxPolicy;
use kalshi_actor::decide::policy::kernel::CpuPath;
use kalshi_actor::execute::{RiskLimits, check};
use kalshi_actor::market::{BookLevels, Grid, GridBands};
use kalshi_actor::wire::frame;
use kalshi_actor::wire::orders::body::{write_cancel_batch, write_create};

use path::Path;

/// How often each step is executed.
const TIMES: usize = 100;

/// Callgrind counts only inside this function, whose name is in the script.
#[inline(never)]
fn instructions_counted<T>(act: impl FnOnce() -> T) -> T {
    black_box(act())
}

/// Callgrind dumps its counts at this function: what was counted since the last call is the figure with this name.
#[inline(never)]
fn instructions_figure(name: &str) {
    println!("{}", black_box(name));
}

fn parse() {
    let snapshot = frames::snapshot(60);
    let mut levels = BookLevels::with_capacity(256);
    for (name, text) in [
        ("parse/delta", frames::DELTA),
        ("parse/trade", frames::TRADE),
        ("parse/fill", frames::FILL),
        ("parse/snapshot60", &snapshot),
    ] {
        for _ in 0..TIMES {
            let parsed = instructions_counted(|| frame::parse(black_box(text.as_bytes()), &mut levels).is_ok());
            assert!(parsed, "{name}: the frame is refused");
        }
        instructions_figure(name);
    }
}

fn book() {
    for (name, structure) in [("book/cents", "linear_cent"), ("book/finest_grid", "center_centi_edge_centi_cent")] {
        let grid = Grid::new(GridBands::named(structure).expect("a grid of the exchange"));
        let levels = book::levels(&grid);
        let mut book = Book::new(grid);
        book.apply_snapshot(&levels).expect("levels on its grid");
        for &(side, price, change) in &book::changes(&book)[..TIMES] {
            let applied = instructions_counted(|| {
                let applied = book.apply_delta(black_box(side), price, change);
                black_box(book.mid2());
                applied
            });
            applied.expect("a change that the book allows");
        }
        instructions_figure(name);
    }
}

fn observation() {
    let scene = observation::Scene::new();
    let (mut zone, mut features) = (ExchangeZone::new(), [0.0; LENGTH]);
    for step in 0..TIMES {
        let time_ms = scene.time_ms + i64::try_from(step).expect("a small number");
        instructions_counted(|| observe(&black_box(&scene).input(time_ms, &mut zone), &mut features));
        black_box(&features);
    }
    instructions_figure("observation");
}

fn network() {
    let policy = OnnxPolicy::built_in().expect("the shipped model is accepted");
    let observation: [f32; LENGTH] = std::array::from_fn(|feature| (feature as f32 * 0.37).sin());
    for path in CpuPath::available() {
        let mut kernel = policy.kernel().clone().on(path).expect("an available path");
        for _ in 0..TIMES {
            let mut logits = [0.0; 5];
            instructions_counted(|| kernel.run(black_box(&observation), &mut logits));
            black_box(logits);
        }
        instructions_figure(&format!("network/{path:?}").to_lowercase());
    }
}

fn gate() {
    let (limits, question) = (RiskLimits::default(), risk::question());
    for _ in 0..TIMES {
        let verdict = instructions_counted(|| check(&limits, black_box(&question)));
        assert!(verdict.is_ok(), "every rule passes");
    }
    instructions_figure("gate");
}

fn render() {
    let mut buffer = Vec::with_capacity(512);
    for _ in 0..TIMES {
        buffer.clear();
        instructions_counted(|| write_create(&mut buffer, black_box(&orders::create())));
        black_box(&buffer);
    }
    instructions_figure("render/create");
    for _ in 0..TIMES {
        buffer.clear();
        instructions_counted(|| write_cancel_batch(&mut buffer, [black_box(orders::cancel())]));
        black_box(&buffer);
    }
    instructions_figure("render/cancel");
}

/// The steps of a tick, separately and together.
fn tick() {
    let mut path = Path::new();
    for _ in 0..TIMES {
        let frame = path.frame();
        instructions_counted(|| path.feed(black_box(&frame)));
        path.decide();
        path.execute();
        path.settle_amended();
    }
    instructions_figure("feed");
    for _ in 0..TIMES {
        let frame = path.frame();
        path.feed(&frame);
        instructions_counted(|| path.decide());
        path.execute();
        path.settle_amended();
    }
    instructions_figure("decide");
    for _ in 0..TIMES {
        let frame = path.frame();
        path.feed(&frame);
        path.decide();
        instructions_counted(|| path.execute());
        path.settle_amended();
    }
    instructions_figure("execute");
    for _ in 0..TIMES {
        let frame = path.frame();
        instructions_counted(|| {
            path.feed(black_box(&frame));
            path.decide();
            path.execute();
        });
        path.settle_amended();
    }
    instructions_figure("tick");
}

fn main() {
    parse();
    book();
    observation();
    network();
    gate();
    render();
    tick();
}
