//! What is looked for by a whole text, many times in one plan.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Values by keys that are asked for whole. They stand in the order of their keys' hashes, so a look compares numbers and
/// then a key or two; where a map of hashes draws lots, this one is the same each time.
pub(super) struct Sought<K, V>(Vec<(u64, K, V)>);

impl<K: Hash + Eq, V> FromIterator<(K, V)> for Sought<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(all: I) -> Self {
        let mut sorted: Vec<_> = all.into_iter().map(|(key, value)| (hash(&key), key, value)).collect();
        sorted.sort_by_key(|(hash, ..)| *hash);
        Self(sorted)
    }
}

impl<K: Hash + Eq, V: Copy> Sought<K, V> {
    /// All of that key, in the order in which they were given.
    pub(super) fn get(&self, key: K) -> impl Iterator<Item = V> {
        let hash = hash(&key);
        let from = self.0.partition_point(|(other, ..)| *other < hash);
        let alike = self.0[from..].iter().take_while(move |(other, ..)| *other == hash);
        alike.filter(move |(_, other, _)| *other == key).map(|(.., value)| *value)
    }
}

fn hash(key: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Even numbers have one hash, odd ones another.
    #[derive(Clone, Copy, PartialEq, Eq)]
    struct Alike(u8);

    impl Hash for Alike {
        fn hash<H: Hasher>(&self, to: &mut H) {
            (self.0 % 2).hash(to);
        }
    }

    #[test]
    fn all_of_a_key_are_found_in_their_order_and_none_of_another_of_its_hash() {
        let all: Sought<Alike, usize> = [3, 2, 4, 2, 1, 2].into_iter().map(Alike).zip(0..).collect();
        let found = |key| all.get(Alike(key)).collect::<Vec<_>>();
        assert_eq!([1, 2, 3, 4].map(found), [vec![4], vec![1, 3, 5], vec![0], vec![2]]);
        assert_eq!([0, 5, 6].map(found), [const { Vec::<usize>::new() }; 3]);
        assert_eq!(Sought::<Alike, usize>::from_iter([]).get(Alike(1)).count(), 0);
    }
}
