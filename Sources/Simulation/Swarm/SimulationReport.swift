/// What a simulated run led to.
package struct SimulationReport: Sendable, Hashable, Codable {
    /// One peer's end.
    package struct Peer: Sendable, Hashable, Codable {
        package var name: String
        /// Whether it has its final adapter.
        package var isFinished: Bool
        /// The round it ended in.
        package var round: Int
        /// How often it was started.
        package var starts: Int
        /// Bytes it handed to the network.
        package var bytesSent: UInt64
        /// Bytes it took from the network.
        package var bytesReceived: UInt64
        /// What its adapter is worth; nil where it did not finish. With the language model: the mean negative
        /// log-likelihood a response token on the held-out records. With the quadratic toy: half the squared distance to
        /// the swarm's sample-weighted optimum, averaged over values, its loss beyond what nobody can avoid.
        package var loss: Double?
    }

    /// How the peers' work spread.
    package struct Spread: Sendable, Hashable, Codable {
        /// The edges over which the last of all work reached the last peer, one a round; nil where some never did.
        package var lastDeliveryHops: Int?
        /// Contributions that peers went on without.
        package var missed: Int
        /// Contributions that a peer was given again, for each that it needed.
        package var redundancy: Double
        /// All bytes that were sent, for each byte of the contributions' payloads that was taken in.
        package var bytesPerPayloadByte: Double
    }

    /// The fault schedule's name.
    package var faults: String
    package var seed: UInt64
    /// The trace's hash, 16 hexadecimal digits.
    package var traceHash: String
    /// The digest of all final adapters, 16 hexadecimal digits.
    package var adapterDigest: String
    /// Events that were performed.
    package var events: Int
    /// How long the swarm took, in seconds of virtual time.
    package var seconds: Double
    /// Datagrams that were handed to the network.
    package var datagrams: UInt64
    /// Bytes that were handed to the network.
    package var bytesSent: UInt64
    /// Datagrams that never arrived.
    package var datagramsLost: UInt64
    /// How everybody's work spread.
    package var spread: Spread
    /// The largest relative distance of a correct peer's final adapter to their mean; nil without any.
    package var consensusDistance: Double?
    /// The mean of the correct peers' losses; nil where none finished.
    package var meanLoss: Double?
    /// The last round of a correct peer.
    package var rounds: Int
    package var peers: [Peer]
    /// What the checkers found; empty is good.
    package var violations: [Violation]

    /// Whether every peer has its final adapter.
    package var everyoneFinished: Bool { !peers.contains { !$0.isFinished } }
}

/// How far a simulated run is.
package struct SimulationProgress: Sendable {
    /// Seconds of virtual time since the swarm's start.
    package var seconds: Double
    /// Events that were performed.
    package var events: Int
    /// The rounds that the slowest and the fastest peer last spoke of.
    package var slowest: Int
    package var fastest: Int
    /// Peers that have their final adapter, of how many.
    package var finished: Int
    package var peers: Int

    /// Events between two looks: about half a second of a machine's time.
    package static let interval = 32_768
}
