//! The trader's configuration file: refused with a reason, or one that says itself again in its commented form.

use kalshi_actor::config::Config;

/// Runs an input.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let config: Config = match toml::from_str(text) {
        Ok(config) => config,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    if let Err(error) = config.check() {
        assert!(error.to_string().contains("expected"), "{error}");
        return;
    }
    let commented = config.to_commented_toml();
    let again: Config = toml::from_str(&commented).unwrap_or_else(|error| panic!("{error}\n{commented}"));
    assert_eq!(again, config, "what is printed is what was read");
}
