//! The `kalshi-actor` command.

fn main() -> std::process::ExitCode {
    kalshi_actor::cli::main()
}
