import Basics

/// An object that a neighbour has been asked for, or for a part of.
struct InboundSource: Sendable {
    /// The handle that we chose.
    let handle: UInt32
    let object: ObjectID
    /// Chunks that are still to come from it; none while others bring what is missing.
    var remaining = 0
    /// Of these, chunks that it has credit for; less than none where chunks arrive that an earlier request had credit for.
    private(set) var credit = 0
    /// Chunks that may arrive on earlier requests' credit.
    private var earlierCredit = 0
    /// Whether it waits for credit that we have not given.
    var isPaused = false
    /// The last time that something new arrived from it.
    var progress: MonotonicTime
    /// The last time that it was asked.
    var asked: MonotonicTime

    init(handle: UInt32, object: ObjectID, at time: MonotonicTime) {
        self.handle = handle
        self.object = object
        progress = time
        asked = time
    }

    /// Whether something should come from it.
    var isAwaited: Bool { remaining > 0 && !isPaused }

    /// When it is to be asked again, if nothing comes.
    func repeatTime(_ configuration: WireConfiguration) -> MonotonicTime {
        max(progress, asked) + configuration.transferRepeat
    }

    /// When it is given up, if nothing comes.
    func giveUpTime(_ configuration: WireConfiguration) -> MonotonicTime { progress + configuration.transferTimeout }

    /// Whether more has come than there was credit for.
    var isOverrun: Bool { credit + earlierCredit < 0 }

    /// A request for what remains is sent, which brings credit for `chunks`, whatever there was before.
    mutating func renewCredit(_ chunks: Int) {
        earlierCredit = min(remaining, max(0, credit + earlierCredit))
        credit = chunks
        isPaused = false
    }

    /// More credit is sent.
    mutating func addCredit(_ chunks: Int) { credit += chunks }

    /// New chunks have come.
    mutating func useCredit(_ chunks: Int) { credit -= chunks }
}
