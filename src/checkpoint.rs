//! Serde helpers for fields of a checkpoint whose derived form would not do: JSON text for values from the exchange,
//! sorted pairs for hash maps, a length for a pool of empty buffers.
//!
//! A checkpoint is a whole stage encoded with postcard. State that a stage rebuilds, or needs only while it handles one
//! input (buffers, kernels, rehearsals), is left out with `#[serde(skip)]`. Two stages in the same state have the same
//! bytes, so a replay compares bytes.

/// A hasher without a random seed, so that runs repeat.
pub type PlainHasher = std::hash::BuildHasherDefault<std::hash::DefaultHasher>;

/// A value as JSON text: for the exchange's own bodies, whose serde implementations need a self-describing format.
pub mod json {
    use serde::de::{DeserializeOwned, Error as _};
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// # Errors
    /// When the value has no JSON form, or the serializer fails.
    pub fn serialize<T: Serialize, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&serde_json::to_string(value).map_err(S::Error::custom)?)
    }

    /// # Errors
    /// When the text is not valid JSON of this type.
    pub fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        serde_json::from_str(&text).map_err(D::Error::custom)
    }
}

/// A hash map as pairs sorted by key, so that equal maps have equal bytes.
pub mod sorted {
    use std::collections::HashMap;
    use std::hash::{BuildHasher, Hash};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// # Errors
    /// When the serializer fails.
    pub fn serialize<K, V, H, S>(map: &HashMap<K, V, H>, serializer: S) -> Result<S::Ok, S::Error>
    where
        K: Serialize + Ord,
        V: Serialize,
        S: Serializer,
    {
        let mut pairs: Vec<(&K, &V)> = map.iter().collect();
        pairs.sort_unstable_by_key(|(key, _)| *key);
        pairs.serialize(serializer)
    }

    /// # Errors
    /// When the bytes are not pairs of these types.
    pub fn deserialize<'de, K, V, H, D>(deserializer: D) -> Result<HashMap<K, V, H>, D::Error>
    where
        K: Deserialize<'de> + Hash + Eq,
        V: Deserialize<'de>,
        H: BuildHasher + Default,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}

/// An array of any length as a sequence; serde itself stops at 32 elements.
pub mod array {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// # Errors
    /// When the serializer fails.
    pub fn serialize<T: Serialize, S: Serializer, const N: usize>(
        array: &[T; N],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        array.as_slice().serialize(serializer)
    }

    /// # Errors
    /// When there are not exactly `N` elements.
    pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>, const N: usize>(
        deserializer: D,
    ) -> Result<[T; N], D::Error> {
        let elements = Vec::<T>::deserialize(deserializer)?;
        let found = elements.len();
        elements.try_into().map_err(|_| D::Error::custom(format_args!("{found} elements; expected {N}")))
    }
}

/// A pool of interchangeable empty buffers as the number of buffers.
pub mod pool {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// An upper bound for a damaged checkpoint: no pool of a stage has as many.
    const BUFFERS_MAX: usize = 1 << 16;

    /// # Errors
    /// When the serializer fails.
    pub fn serialize<T, S: Serializer>(pool: &[T], serializer: S) -> Result<S::Ok, S::Error> {
        pool.len().serialize(serializer)
    }

    /// # Errors
    /// When there are more than `BUFFERS_MAX` buffers.
    pub fn deserialize<'de, T: Default, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
        let buffers = usize::deserialize(deserializer)?;
        if buffers > BUFFERS_MAX {
            return Err(D::Error::custom(format_args!("{buffers} buffers; expected at most {BUFFERS_MAX}")));
        }
        Ok(std::iter::repeat_with(T::default).take(buffers).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Forms {
        #[serde(with = "super::json")]
        number: Option<serde_json::Number>,
        #[serde(with = "super::sorted")]
        map: HashMap<u64, u64>,
        #[serde(with = "super::array")]
        flags: [bool; 100],
        #[serde(with = "super::pool")]
        pool: Vec<u64>,
    }

    fn forms() -> Forms {
        let mut flags = [false; 100];
        flags[77] = true;
        let map = (0..500).map(|key| (key * 7_919 % 1_009, key)).collect();
        Forms { number: serde_json::from_str("0.07").unwrap(), map, flags, pool: vec![0; 3] }
    }

    #[test]
    fn every_form_is_read_back_as_it_was() {
        let bytes = postcard::to_stdvec(&forms()).unwrap();
        assert_eq!(postcard::from_bytes::<Forms>(&bytes).unwrap(), forms());
    }

    #[test]
    fn equal_maps_have_equal_bytes_whatever_their_hashers_do() {
        let bytes = postcard::to_stdvec(&forms()).unwrap();
        assert!((0..8).all(|_| postcard::to_stdvec(&forms()).unwrap() == bytes));
    }

    #[test]
    fn a_pool_of_an_impossible_size_is_refused() {
        let [number, no_map, flags] =
            [postcard::to_stdvec("null"), postcard::to_stdvec(&0_u8), postcard::to_stdvec(&vec![false; 100])]
                .map(Result::unwrap);
        let pool = |buffers: u64| postcard::to_stdvec(&buffers).unwrap();
        let forms = |buffers| [number.clone(), no_map.clone(), flags.clone(), pool(buffers)].concat();
        assert_eq!(postcard::from_bytes::<Forms>(&forms(3)).unwrap().pool.len(), 3);
        assert!(postcard::from_bytes::<Forms>(&forms(1 << 40)).is_err());
    }
}
