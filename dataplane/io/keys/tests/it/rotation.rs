//! A rotation under load: nobody who reads what others write ever lacks a key.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock, mpsc};
use std::thread;

use callplane_keys::{DataKey, KeyRing, Place};

use crate::sealing::{place, tenant};

/// Processes, each with the ring that it read last.
const PROCESSES: usize = 4;
/// Rotations in one run.
const ROTATIONS: usize = 20;
/// Values that each process seals between two steps of a rotation.
const VALUES: usize = 20;

/// How many values did not open while keys were rotated and every process wrote and read all the time.
/// A step of a rotation reaches the processes one after the other, with writing and reading between.
fn failures(distribute_first: bool) -> usize {
    let first = KeyRing::new(DataKey::generate().unwrap());
    let rings: Vec<RwLock<KeyRing>> = (0..PROCESSES)
        .map(|_| RwLock::new(KeyRing::parse(&first.to_text()).unwrap()))
        .collect();
    let written: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
    let failed = Mutex::new(0);
    let exchange = || {
        for ring in &rings {
            let ring = ring.read().unwrap();
            let sealed = (0..VALUES).map(|_| ring.seal(&place(), b"words").unwrap());
            written.lock().unwrap().extend(sealed);
        }
        for ring in &rings {
            let ring = ring.read().unwrap();
            let missed = written
                .lock()
                .unwrap()
                .iter()
                .filter(|sealed| ring.open(&place(), sealed).is_err())
                .count();
            *failed.lock().unwrap() += missed;
        }
        // What is sealed with a former key is sealed again before that is retired.
        written.lock().unwrap().clear();
    };
    let hand_out = |wanted: &KeyRing| {
        for ring in &rings {
            *ring.write().unwrap() = KeyRing::parse(&wanted.to_text()).unwrap();
            exchange();
        }
    };
    let mut wanted = first;
    for _ in 0..ROTATIONS {
        let next = DataKey::generate().unwrap();
        let id = next.id();
        wanted.add(next);
        if distribute_first {
            hand_out(&wanted);
        }
        wanted.seal_with(id).unwrap();
        hand_out(&wanted);
    }
    failed.into_inner().unwrap()
}

#[test]
fn a_key_that_all_have_before_it_seals_never_leaves_a_value_that_does_not_open() {
    assert_eq!(failures(true), 0);
}

/// The control: the same without handing the key out first.
#[test]
fn a_key_that_seals_at_once_leaves_values_that_others_cannot_open() {
    assert!(failures(false) > 0);
}

#[test]
fn threads_read_and_write_while_the_ring_changes() {
    let ring = Arc::new(RwLock::new(KeyRing::new(DataKey::generate().unwrap())));
    let stop = Arc::new(AtomicBool::new(false));
    let (sender, sealed) = mpsc::sync_channel::<(Place, Vec<u8>)>(64);
    let writers: Vec<_> = (0..2)
        .map(|n| {
            let (ring, stop, sender) = (Arc::clone(&ring), Arc::clone(&stop), sender.clone());
            thread::spawn(move || {
                let place = Place::object(tenant(), "part", n);
                while !stop.load(Ordering::Relaxed) {
                    let value = ring.read().unwrap().seal(&place, b"words").unwrap();
                    if sender.send((place.clone(), value)).is_err() {
                        return;
                    }
                }
            })
        })
        .collect();
    drop(sender);
    for (n, (place, value)) in sealed.iter().take(2_000).enumerate() {
        if n % 100 == 0 {
            let next = DataKey::generate().unwrap();
            let id = next.id();
            ring.write().unwrap().add(next);
            ring.write().unwrap().seal_with(id).unwrap();
        }
        assert_eq!(
            ring.read()
                .unwrap()
                .open(&place, &value)
                .unwrap()
                .as_slice(),
            b"words"
        );
    }
    stop.store(true, Ordering::Relaxed);
    drop(sealed);
    for writer in writers {
        writer.join().unwrap();
    }
    assert_eq!(ring.read().unwrap().ids().count(), 21);
}
