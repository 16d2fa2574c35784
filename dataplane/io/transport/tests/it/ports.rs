//! RTP ports.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::Duration;

use callplane_transport::rtp::{PortError, PortPool};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

#[test]
fn pairs_are_even_bound_and_never_shared() {
    let pool = PortPool::new(LOCALHOST, 31_001..=31_020, Duration::ZERO);
    assert_eq!(
        pool.pair_count(),
        9,
        "31002 to 31018; 31020 has no odd port above"
    );
    let mut pairs = Vec::new();
    let exhausted = loop {
        match pool.bind() {
            Ok(pair) => pairs.push(pair),
            Err(error) => break error,
        }
    };
    assert!(matches!(exhausted, PortError::Exhausted));
    assert!(!pairs.is_empty());
    let ports: HashSet<u16> = pairs.iter().map(|pair| pair.lease.port()).collect();
    assert_eq!(ports.len(), pairs.len());
    for pair in &pairs {
        let port = pair.lease.port();
        assert_eq!(port % 2, 0);
        assert_eq!(pair.rtp.local_addr().unwrap().port(), port);
        assert_eq!(pair.rtcp.local_addr().unwrap().port(), port + 1);
    }
    pairs.pop();
    assert!(pool.bind().is_ok(), "what was given back is given again");
}

#[test]
fn a_pair_rests_after_its_call() {
    let pool = PortPool::new(LOCALHOST, 31_100..=31_101, Duration::from_secs(600));
    drop(pool.bind().unwrap());
    assert!(matches!(pool.bind(), Err(PortError::Exhausted)));
}

#[test]
fn a_port_that_somebody_else_holds_is_passed_over() {
    let pool = PortPool::new(LOCALHOST, 31_200..=31_203, Duration::ZERO);
    let theirs = UdpSocket::bind((LOCALHOST, 31_201)).unwrap();
    let pair = pool.bind().unwrap();
    assert_eq!(pair.lease.port(), 31_202);
    drop(theirs);
}

#[test]
fn ports_take_turns() {
    let pool = PortPool::new(LOCALHOST, 31_300..=31_307, Duration::ZERO);
    let ports: Vec<u16> = (0..5).map(|_| pool.bind().unwrap().lease.port()).collect();
    assert_eq!(ports, [31_300, 31_302, 31_304, 31_306, 31_300]);
}
