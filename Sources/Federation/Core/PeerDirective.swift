package import Adapters
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
