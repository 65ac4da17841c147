/// What becomes of a packet whose tag was right.
enum PacketAcceptance: Sendable {
    /// It belongs to an incarnation of the other side that is gone.
    case otherIncarnation
    /// One with its number was taken before, or it is too old to tell.
    case replayed
    /// It is taken, and none with a greater number was.
    case newest
    /// It is taken, behind others.
    case late
}
