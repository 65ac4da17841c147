import Basics

/// The connections of an endpoint, in the order of their names, which is the order in which their peers were admitted.
///
/// When each has to be woken is remembered until it is touched: after every datagram the endpoint is asked when it wants to
/// be woken, and of its connections one has changed. Whoever touches a connection goes through the subscript here, so that
/// nobody can forget it.
struct ConnectionTable: Sendable {
    /// The names, in order.
    private(set) var ids: [ConnectionID] = []

    private var connections: [Connection] = []
    /// When each has to be woken; nil where it was touched since that was computed.
    private var deadlines: [MonotonicTime?] = []
    /// Where those lie that were touched.
    private var touched: [Int] = []
    private var connectionOfPeer: [PeerID: ConnectionID] = [:]
    private var connectionOfKey: [[UInt8]: ConnectionID] = [:]
    private var nextNumber: UInt64 = 0

    /// How many there are.
    var count: Int { ids.count }

    /// The connection with a peer.
    func id(of peer: PeerID) -> ConnectionID? { connectionOfPeer[peer] }

    /// The connection with the holder of an X25519 key.
    func id(ofKey key: [UInt8]) -> ConnectionID? { connectionOfKey[key] }

    /// Whether the connection is still there.
    func contains(_ id: ConnectionID) -> Bool {
        let place = search(id)
        return place < ids.count && ids[place] == id
    }

    /// The connection, where it lies; it must be there.
    subscript(id: ConnectionID) -> Connection {
        // Through a span, which lends an element where it lies: an array's subscript copies it, references and all.
        @inline(__always) _read { yield connections.span[place(of: id)] }
        @inline(__always) _modify {
            let place = place(of: id)
            if deadlines[place] != nil {
                deadlines[place] = nil
                touched.append(place)
            }
            yield &connections[place]
        }
    }

    /// Makes a connection with a peer that there is none with, and no other peer that has its key.
    mutating func insert(_ remote: RemotePeer, make: (ConnectionID) -> Connection) -> ConnectionID? {
        guard connectionOfPeer[remote.id] == nil, connectionOfKey[remote.exchangeKey] == nil else { return nil }
        let id = ConnectionID(number: nextNumber)
        nextNumber += 1
        ids.append(id)
        connections.append(make(id))
        touched.append(deadlines.count)
        deadlines.append(nil)
        connectionOfPeer[remote.id] = id
        connectionOfKey[remote.exchangeKey] = id
        return id
    }

    /// Forgets a connection, which must be there.
    mutating func remove(_ id: ConnectionID) -> Connection {
        let place = place(of: id)
        ids.remove(at: place)
        deadlines.remove(at: place)
        touched = deadlines.indices.filter { deadlines[$0] == nil }
        let connection = connections.remove(at: place)
        connectionOfPeer[connection.remote.id] = nil
        connectionOfKey[connection.remote.exchangeKey] = nil
        return connection
    }

    /// When the connection at `place` in the order of names has to be woken.
    func deadline(at place: Int, _ configuration: WireConfiguration) -> MonotonicTime {
        deadlines[place] ?? connections.span[place].nextDeadline(configuration)
    }

    /// When one of its timers is due; nil where that does not run.
    func deadline(
        of timer: ConnectionTimer, for id: ConnectionID, _ configuration: WireConfiguration
    ) -> MonotonicTime? {
        connections.span[place(of: id)].deadline(of: timer, configuration)
    }

    /// When the first of them has to be woken.
    func earliestDeadline(_ configuration: WireConfiguration) -> MonotonicTime {
        var earliest = MonotonicTime.distantFuture
        for place in ids.indices {
            earliest = min(earliest, deadline(at: place, configuration))
        }
        return earliest
    }

    /// Computes once when those that were touched have to be woken.
    mutating func rememberDeadlines(_ configuration: WireConfiguration) {
        for place in touched { deadlines[place] = connections.span[place].nextDeadline(configuration) }
        touched.removeAll(keepingCapacity: true)
    }

    /// Where the connection lies.
    @inline(__always)
    private func place(of id: ConnectionID) -> Int {
        let place = search(id)
        precondition(place < ids.count && ids[place] == id, "the connection is there")
        return place
    }

    /// Where the connection lies, or would.
    @inline(__always)
    private func search(_ id: ConnectionID) -> Int {
        var (low, high) = (0, ids.count)
        while low < high {
            let middle = (low + high) / 2
            if ids[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
