//! The trader's configuration file: it is refused with a reason, or is the same after being written in its commented
//! form and read back.

use kalshi_actor::config::Config;

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
