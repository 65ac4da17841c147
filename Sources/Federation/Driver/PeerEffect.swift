package import Adapters
package import Basics
package import Wire

/// What `PeerDriver` wants done by the process around it, in the order in which it is to be done.
package enum PeerEffect: Sendable {
    /// Hand this to the network: one datagram, or several for one address.
    case send(Datagram)
    /// Tell whoever listens.
    case report(PeerEvent)
    /// Show this to a checker; only where the driver is audited.
    case audit(PeerAudit)
    /// Train, then call `trainingFinished` or `trainingFailed`. One at a time.
    case train(TrainingRequest)
    /// Make the checkpoint durable, then call `written`. One file at a time.
    case write(PeerCheckpoint)
    /// Keep this where the next process of the peer finds it, then call `written`. One file at a time.
    case remember(EndpointMemory)
    /// This is the swarm's adapter.
    case deliver(AdapterDelta)
    /// Nothing follows but the end of what is being written.
    case stop(PeerDirective.StopReason)
    /// Call `wake` at this moment, and no longer at the one that was asked for before.
    case wake(at: MonotonicTime)
}
