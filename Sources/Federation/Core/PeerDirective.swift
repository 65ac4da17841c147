package import Adapters
package import Basics
package import Wire

/// What `PeerCore` wants done by the shell around it.
package enum PeerDirective: Sendable {
    /// Train, then call `trainingFinished` or `trainingFailed`. One at a time.
    case train(TrainingRequest)
    /// Make the checkpoint durable, then call `checkpointWritten` or `checkpointFailed`. A newer one replaces one that
    /// is still waiting.
    case checkpoint(PeerCheckpoint)
    /// Keep this where the next process of the peer finds it. A newer one replaces one that is still waiting.
    case remember(EndpointMemory)
    /// Tell whoever listens.
    case report(PeerEvent)
    /// Show this to a checker; only where the core is audited.
    case audit(PeerAudit)
    /// This is the swarm's adapter. The peer goes on serving its neighbours.
    case deliver(AdapterDelta)
    /// Send what is still to be sent, and stop.
    case stop(StopReason)

    /// Why a peer stops.
    package enum StopReason: Sendable, Hashable {
        /// The swarm is done, and the neighbours need this peer no more.
        case finished
        /// It was asked to leave.
        case left
    }
}

/// What a checker outside has to see to average again what a peer averaged: told only where it was asked for
/// (`PeerCore.isAudited`), by simulations. A real peer keeps its adapters to itself.
package enum PeerAudit: Sendable {
    /// A neighbour's contribution by its sequence number.
    package struct Part: Sendable, Hashable {
        /// Who made it.
        package var origin: PeerID
        /// Its number.
        package var sequence: UInt64

        package init(origin: PeerID, sequence: UInt64) {
            self.origin = origin
            self.sequence = sequence
        }
    }

    /// The peer has published `delta` under the number `sequence`; its own adapter is `own`, where that is another.
    case published(round: Int, sequence: UInt64, isFinal: Bool, delta: AdapterDelta, own: AdapterDelta? = nil)
    /// It had nothing to publish for this round, which its own adapter goes into.
    case paused(round: Int, own: AdapterDelta)
    /// It has mixed what it published for this round with these, and has now `delta`.
    case mixed(round: Int, with: [Part], delta: AdapterDelta)
    /// It fell behind and has taken the mean of these as its own: with its own adapter in it, where that is given.
    case adopted(of: [Part], with: AdapterDelta?, delta: AdapterDelta)
}
