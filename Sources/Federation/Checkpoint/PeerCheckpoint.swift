package import Adapters
package import Basics

/// All that a peer needs to go on after its process ended: what is written after every round.
package struct PeerCheckpoint: Sendable, Equatable {
    /// How far a neighbour was.
    package struct Progress: Sendable, Hashable {
        /// The neighbour.
        package var peer: PeerID
        /// The newest round that it had offered.
        package var round: Int

        package init(peer: PeerID, round: Int) {
            self.peer = peer
            self.round = round
        }
    }

    /// Whose state this is.
    package var identity: PeerID
    /// The swarm's identifier, 32 bytes.
    package var swarm: [UInt8]
    /// The base model's digest, 32 bytes.
    package var baseModelDigest: [UInt8]
    /// The round to begin with.
    package var round: Int
    /// Whether the adapter is the final one.
    package var isFinished: Bool
    /// The handshake timestamp of the process that wrote this: the next one's is greater.
    package var handshakeTimestamp: UInt64
    /// The adapter.
    package var delta: AdapterDelta
    /// The trainer's state that belongs to it; empty before the first training.
    package var trainerSnapshot: [UInt8]
    /// What the exchange keeps from round to round (`ExchangePipeline.state`); empty where that is nothing.
    package var exchangeState: [UInt8]
    /// How far the neighbours were.
    package var progress: [Progress]
    /// What gives the numbers their meaning; nil where nobody checks, and in the checkpoints of earlier releases.
    package var settings: SettingsFingerprint?

    package init(
        identity: PeerID, swarm: [UInt8], baseModelDigest: [UInt8], round: Int, isFinished: Bool,
        handshakeTimestamp: UInt64, delta: AdapterDelta, trainerSnapshot: [UInt8], exchangeState: [UInt8] = [],
        progress: [Progress], settings: SettingsFingerprint? = nil
    ) {
        precondition(swarm.count == 32 && baseModelDigest.count == 32, "digests have 32 bytes")
        self.identity = identity
        self.swarm = swarm
        self.baseModelDigest = baseModelDigest
        self.round = round
        self.isFinished = isFinished
        self.handshakeTimestamp = handshakeTimestamp
        self.delta = delta
        self.trainerSnapshot = trainerSnapshot
        self.exchangeState = exchangeState
        self.progress = progress
        self.settings = settings
    }

    /// The timestamp with which the next process starts, which finds `wallClock`. Sequence numbers count up from it, one a
    /// contribution, and none may be used twice with another content.
    ///
    /// The wall clock's, wherever it has passed the timestamp of the process before: that of no process between, which may
    /// have ended before its first checkpoint, is the same. Where the clock was set back, there has to be room for the
    /// numbers of the process before.
    package func nextTimestamp(wallClock: UInt64) -> UInt64 {
        // 2^20 numbers are more than a process uses in the millisecond that they are as nanoseconds of a clock.
        let (passed, _) = handshakeTimestamp.addingReportingOverflow(1 << 20)
        if passed > handshakeTimestamp, wallClock > passed { return wallClock }
        // 2^32 numbers are more than a process can use up, and only 4.3 s of a clock.
        let (later, overflow) = handshakeTimestamp.addingReportingOverflow(1 << 32)
        return overflow ? .max - (1 << 32) : later
    }

    /// Throws `CheckpointError.foreign` unless the checkpoint is of this peer in this swarm.
    package func check(
        identity: PeerID, swarm: [UInt8], schema: AdapterSchema, baseModelDigest: [UInt8]
    ) throws(CheckpointError) {
        func refuse(_ reason: String) -> CheckpointError {
            .foreign("\(reason); --restart begins anew")
        }
        guard self.identity == identity else { throw refuse("it is of peer \(self.identity.short)") }
        guard self.swarm == swarm else { throw refuse("it is of another swarm") }
        guard self.baseModelDigest == baseModelDigest else { throw refuse("it is for another base model") }
        guard delta.schema == schema else { throw refuse("its adapter has another rank or other targets") }
    }
}
