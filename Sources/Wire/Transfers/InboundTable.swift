import Basics

/// The objects on their way to us. Each has a place of its own and is worked on where it lies: a dictionary lends its values
/// through memory that it takes anew for every packet.
struct InboundTable: Sendable {
    private var places: [InboundTransfer?] = []
    private var placeOfObject: [ObjectID: Int] = [:]

    /// How many there are.
    var count: Int { placeOfObject.count }

    /// The object's transfer; a copy, which shares what has arrived.
    subscript(object: ObjectID) -> InboundTransfer? { placeOfObject[object].flatMap { places[$0] } }

    /// Adds a transfer of an object that there is none of.
    mutating func insert(_ transfer: InboundTransfer, of object: ObjectID) {
        let place = places.firstIndex { $0 == nil } ?? places.count
        if place == places.count { places.append(nil) }
        places[place] = transfer
        placeOfObject[object] = place
    }

    /// Takes the object's transfer out.
    mutating func remove(_ object: ObjectID) -> InboundTransfer? {
        guard let place = placeOfObject.removeValue(forKey: object) else { return nil }
        defer {
            places[place] = nil
            if placeOfObject.isEmpty { places.removeAll(keepingCapacity: false) }
        }
        return places[place]
    }

    /// Does something with the object's transfer where it lies.
    ///
    /// - Returns: nil if there is none.
    @inline(__always)
    mutating func change<Result>(_ object: ObjectID, _ body: (inout InboundTransfer) -> Result) -> Result? {
        guard let place = placeOfObject[object], places[place] != nil else { return nil }
        return body(&places[place]!)
    }
}

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
        // What earlier credit allowed may still be under way, but never more than is missing.
        earlierCredit = min(remaining, max(0, credit + earlierCredit))
        credit = chunks
        isPaused = false
    }

    /// More credit is sent.
    mutating func addCredit(_ chunks: Int) { credit += chunks }

    /// New chunks have come.
    mutating func useCredit(_ chunks: Int) { credit -= chunks }
}
