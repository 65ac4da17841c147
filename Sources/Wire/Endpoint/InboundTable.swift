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
