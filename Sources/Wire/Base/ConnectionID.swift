import Basics

/// The name of a connection within its endpoint: a number that is never given again, not even to the same peer when it is
/// admitted anew. Whoever still holds the name of a connection that is gone finds nothing under it, never another peer.
struct ConnectionID: Sendable, Hashable, Comparable {
    let number: UInt64

    static func < (left: ConnectionID, right: ConnectionID) -> Bool { left.number < right.number }
}

/// Which connection a receiver index belongs to: the number that a packet carries, by which the other side addresses a
/// session to us.
struct SessionRoutes: Sendable {
    private var connections: [UInt32: ConnectionID] = [:]

    /// How many indices are in use.
    var count: Int { connections.count }

    /// The connection that an index belongs to; nil if it is not in use.
    subscript(index: UInt32) -> ConnectionID? { connections[index] }

    /// Gives a connection an index that no other session of the endpoint has.
    mutating func claim(for connection: ConnectionID, using generator: inout some RandomNumberGenerator) -> UInt32 {
        var candidate = UInt32.random(in: .min ... .max, using: &generator)
        while connections[candidate] != nil { candidate &+= 1 }
        connections[candidate] = connection
        return candidate
    }

    /// The index is not in use any more.
    mutating func release(_ index: UInt32?) {
        if let index { connections[index] = nil }
    }

    /// No index is in use any more.
    mutating func releaseAll() { connections = [:] }
}
