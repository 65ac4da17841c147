/// Why an object will not arrive.
package enum TransferFailure: Sendable, Hashable {
    /// No manifest of this object is known, as no peer has announced it.
    case unknownObject
    /// The peer does not serve the object (any more).
    case unavailable
    /// As many objects, or bytes of objects, as allowed are already on their way.
    case limitReached
    /// The peer served bytes that do not belong to the object.
    case corrupt
    /// Nothing of the object arrived for the transfer timeout.
    case timedOut
    /// The association with the peer ended, or there is none.
    case disconnected
}
