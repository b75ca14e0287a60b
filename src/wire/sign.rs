//! Request signatures: RSA-PSS-SHA256 and Ed25519 over timestamp + method + path, made and checked.
