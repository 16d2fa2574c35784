//! Which connections are open, and which of them gives way when there are too many.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// The open connections. **A connection that has not asked anything never keeps out a new one**: when all
/// places are taken, one of those that wait gives way, of the address that has the most of them the one that
/// has waited longest. Half requests of a stranger so push out each other. Behind an ingress all
/// addresses are one, and who gives way is an idle connection that it keeps in reserve.
///
/// A connection whose request was read whole keeps its place until it is answered. Requests are bounded by
/// themselves: by the token, and by what the node and the tenant carry.
#[derive(Debug)]
pub(super) struct Connections {
    most: usize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// Counts up, so that of two who wait the lower has waited longer.
    next: u64,
    open: HashMap<u64, Connection>,
}

#[derive(Debug)]
struct Connection {
    from: IpAddr,
    state: State,
    gives_way: CancellationToken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was asked yet, or not again, or not the whole of it.
    Waits { since: u64 },
    /// A request is being answered.
    Served,
}

/// The place of one connection; dropped, it is free.
#[derive(Debug)]
pub(super) struct Place {
    connections: Arc<Connections>,
    id: u64,
    gives_way: CancellationToken,
}

/// A request is being answered, as long as this lives.
#[derive(Debug)]
pub(super) struct Serving(Arc<Place>);

impl Connections {
    /// So many at once.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            table: Mutex::default(),
        })
    }

    /// A place for a connection; nothing if all are taken by such that are being served.
    pub(super) fn enter(self: &Arc<Self>, from: IpAddr) -> Option<Arc<Place>> {
        let mut table = self.table();
        let from = network(from);
        if table.open.len() >= self.most {
            let id = table.victim(from)?;
            if let Some(victim) = table.open.remove(&id) {
                victim.gives_way.cancel();
            }
        }
        let id = table.next;
        table.next += 1;
        let gives_way = CancellationToken::new();
        let connection = Connection {
            from,
            state: State::Waits { since: id },
            gives_way: gives_way.clone(),
        };
        table.open.insert(id, connection);
        Some(Arc::new(Place {
            connections: Arc::clone(self),
            id,
            gives_way,
        }))
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // The table is whole at every step, so a panic elsewhere is no harm.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Who gives way to a connection from `newcomer`.
    fn victim(&self, newcomer: IpAddr) -> Option<u64> {
        let mut waiting: HashMap<IpAddr, (usize, u64, u64)> = HashMap::new();
        for (id, connection) in &self.open {
            if let State::Waits { since } = connection.state {
                let (count, oldest, who) =
                    waiting.entry(connection.from).or_insert((0, u64::MAX, *id));
                *count += 1;
                if since < *oldest {
                    (*oldest, *who) = (since, *id);
                }
            }
        }
        // The newcomer counts among those of its address.
        let crowd = |from: IpAddr, count: usize| count + usize::from(from == newcomer);
        waiting
            .into_iter()
            .max_by_key(|(from, (count, oldest, _))| {
                (crowd(*from, *count), std::cmp::Reverse(*oldest))
            })
            .map(|(_, (_, _, who))| who)
    }

    fn put(&mut self, id: u64, served: bool) {
        let since = self.next;
        self.next += 1;
        if let Some(connection) = self.open.get_mut(&id) {
            connection.state = match served {
                true => State::Served,
                false => State::Waits { since },
            };
        }
    }
}

impl Place {
    /// Resolves when the connection has to make room.
    pub(super) async fn given_way(&self) {
        self.gives_way.cancelled().await;
    }

    /// A request has come whole.
    pub(super) fn serve(self: &Arc<Self>) -> Serving {
        self.connections.table().put(self.id, true);
        Serving(Arc::clone(self))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let Self(place) = self;
        place.connections.table().put(place.id, false);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.table().open.remove(&self.id);
    }
}

/// What one stranger has: an address of IPv4, a network of 64 bits of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn stays(place: &Arc<Place>) -> bool {
        !place.gives_way.is_cancelled()
    }

    #[test]
    fn half_requests_of_one_address_push_out_each_other_and_nobody_else() {
        let connections = Connections::new(4);
        let good = connections.enter(host(1)).unwrap();
        let half: Vec<_> = (0..20)
            .map(|_| connections.enter(host(9)).unwrap())
            .collect();
        assert!(stays(&good));
        let left = half.iter().filter(|place| stays(place)).count();
        assert_eq!(left, 3);
        assert!(half[17..].iter().all(stays), "the newest are left");
        let late = connections.enter(host(2)).unwrap();
        assert!(stays(&good) && stays(&late));
    }

    #[test]
    fn behind_an_ingress_the_one_that_waits_longest_gives_way_and_none_that_is_served() {
        let connections = Connections::new(3);
        let places: Vec<_> = (0..3)
            .map(|_| connections.enter(host(1)).unwrap())
            .collect();
        let served = places[0].serve();
        let next = connections.enter(host(1)).unwrap();
        assert!(stays(&places[0]) && !stays(&places[1]) && stays(&places[2]));
        // Answered, it waits behind the others.
        drop(served);
        let _another = connections.enter(host(1)).unwrap();
        assert!(stays(&places[0]) && !stays(&places[2]) && stays(&next));
    }

    #[test]
    fn all_being_served_a_new_one_finds_no_place_until_one_goes() {
        let connections = Connections::new(2);
        let (one, two) = (
            connections.enter(host(1)).unwrap(),
            connections.enter(host(2)).unwrap(),
        );
        let (serving, _) = (one.serve(), std::mem::ManuallyDrop::new(two.serve()));
        assert!(connections.enter(host(3)).is_none());
        drop((serving, one));
        assert!(connections.enter(host(3)).is_some());
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_stranger() {
        let host = |text: &str| network(text.parse().unwrap());
        assert_eq!(host("2001:db8::1"), host("2001:db8:0:0:ffff::2"));
        assert_ne!(host("2001:db8::1"), host("2001:db8:0:1::1"));
        assert_eq!(host("::ffff:192.0.2.1"), host("192.0.2.1"));
    }
}
