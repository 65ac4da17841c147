/// Why a transfer is given up, and by which side.
enum CancelReason: UInt8, Sendable {
    /// By the receiving side: it wants no more of it.
    case unwanted = 0
    /// By the serving side: it does not have the object.
    case unavailable = 1
    /// By the serving side: it serves as many transfers as it can.
    case busy = 2
}
