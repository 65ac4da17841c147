import Overlay

/// An object that a neighbour has been asked for, or for a part of.
struct InboundSource: Sendable {
    /// The handle that we chose.
    let handle: UInt32
    let object: ObjectID
    /// Chunks that are still to come from it; none while others bring what is missing.
    var remaining = 0
    /// The last time that something new arrived from it.
    var progress: MonotonicTime
    /// The last time that it was asked.
    var asked: MonotonicTime
}
