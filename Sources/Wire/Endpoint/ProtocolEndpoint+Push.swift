import Basics

/// Small objects are sent with their manifest, without waiting for a request.
extension ProtocolEndpoint {
    /// Queues the object's own bytes instead of an offer, if it is small, a session stands, and no more than half of
    /// the queue is in use with them: what else waits must not wait for long.
    ///
    /// - Returns: false if it is to be offered.
    mutating func push(_ object: PublishedObject, to index: Int) -> Bool {
        guard !object.pushes.isEmpty, neighbours[index].isAssociated,
            neighbours[index].association!.controls.count + object.pushes.count <= configuration.controlQueueLimit / 2
        else { return false }
        for body in object.pushes where !enqueue(.push(body), to: index) { return false }
        return true
    }

    /// Takes a piece. When the last has come the object counts as offered, and its payload waits to be asked for; one that
    /// is not the manifest's is forgotten, so that asking for it shows what the sender serves.
    mutating func receivePush(_ body: [UInt8], from index: Int) {
        guard let push = continued(body, from: index) else { return statistics.drop(.badPush) }
        guard push.isWhole else {
            neighbours[index].association!.push = push
            return
        }
        let isTrue = push.isTrue
        if !isTrue { statistics.drop(.badPush) }
        receiveOffer(push.manifest, from: index)
        guard isTrue, neighbours[index].offers[push.manifest.id] != nil else { return }
        neighbours[index].association!.pushed.append(push)
        if neighbours[index].association!.pushed.count > configuration.pushedObjectsPerPeer {
            neighbours[index].association!.pushed.removeFirst()
        }
    }

    /// What is being pushed, with the piece in `body`; the neighbour's state is without it then.
    private mutating func continued(_ body: [UInt8], from index: Int) -> PushedObject? {
        let begun = neighbours[index].association!.push
        neighbours[index].association!.push = nil
        guard body[0] == 1 else {
            guard var push = begun, push.append(body[1...]) else { return nil }
            return push
        }
        var reader = ByteReader(body, range: 1..<body.count)
        guard let count = reader.integer(UInt16.self), let bytes = reader.bytes(count: Int(count)),
            let manifest = signedManifest(bytes)
        else { return nil }
        return PushedObject(manifest: manifest, beginning: body[(3 + Int(count))...])
    }

    /// Hands on what a peer has pushed and is asked for now.
    ///
    /// - Returns: false if it is not here.
    mutating func deliverPushed(_ object: ObjectID, from index: Int) -> Bool {
        guard let position = neighbours[index].association!.pushed.firstIndex(where: { $0.manifest.id == object })
        else { return false }
        let push = neighbours[index].association!.pushed.remove(at: position)
        deliver(push.manifest, payload: push.payload, from: index)
        return true
    }
}
