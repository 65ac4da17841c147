package import Basics

/// Objects that are served, and offers of others.
extension ProtocolEndpoint {
    /// Serves an object from now on, to whoever of the swarm asks, until it is retired. Whether the payload is the
    /// manifest's is not looked at here: every receiver does.
    @discardableResult
    package mutating func publish(_ manifest: SignedManifest, payload: [UInt8]) -> ObjectID {
        publish(manifest, HashedPayload(payload))
    }

    /// The same without hashing the payload once more.
    @discardableResult
    package mutating func publish(_ manifest: SignedManifest, _ payload: HashedPayload) -> ObjectID {
        let count = payload.bytes.count
        let isPushed = count > 0 && count <= min(configuration.pushByteLimit, WireConfiguration.pushedByteLimit)
        published[manifest.id] = PublishedObject(
            manifest: manifest, payload: payload.bytes, leafHashes: payload.leafHashes,
            layout: ChunkLayout(payloadByteCount: count),
            pushes: isPushed ? PushedObject.bodies(of: manifest, payload: payload.bytes) : [])
        return manifest.id
    }

    /// Ends serving an object; transfers that are under way are given up.
    package mutating func retire(_ object: ObjectID) {
        guard published.removeValue(forKey: object) != nil else { return }
        for id in connections.ids { connections[id].stopServing(object, &context) }
    }

    /// Offers a published object to a peer, a small one by sending it whole; the offer waits for the session if there is
    /// none yet.
    ///
    /// - Returns: false if it was not taken: not published, unknown peer, or 256 frames already wait.
    @discardableResult
    package mutating func announce(_ object: ObjectID, to peer: PeerID, at time: MonotonicTime) -> Bool {
        guard !isClosed, let object = published[object], let id = connections.id(of: peer) else { return false }
        return connections[id].offer(object, &context)
    }

    /// Since when, without a long gap, and until when something has come from the peer that was encrypted for this
    /// association; nil where there is none.
    package func reception(from peer: PeerID) -> (since: MonotonicTime, last: MonotonicTime)? {
        guard let id = connections.id(of: peer), connections[id].isAssociated else { return nil }
        return (connections[id].association.steadySince, connections[id].association.lastReceived)
    }

    /// Whether the peer has asked for the object and still gets parts of it.
    package func isServing(_ object: ObjectID, to peer: PeerID) -> Bool {
        guard let id = connections.id(of: peer), connections[id].isAssociated else { return false }
        return connections[id].association.outbound.contains { $0.object.manifest.id == object }
    }

    /// Whether something that was pushed to the peer is not acknowledged yet.
    package func hasPushUnderWay(to peer: PeerID) -> Bool {
        guard let id = connections.id(of: peer), connections[id].isAssociated else { return false }
        return connections[id].association.deliveries.hasPushUnderWay
    }

    mutating func receiveOffer(_ bytes: [UInt8], from id: ConnectionID) {
        guard let manifest = signedManifest(bytes) else { return context.statistics.drop(.badManifest) }
        receiveOffer(manifest, from: id)
    }

    /// Takes an offer whose signature is right.
    private mutating func receiveOffer(_ manifest: SignedManifest, from id: ConnectionID) {
        guard !isBarred(manifest.manifest.origin) else { return context.statistics.drop(.badManifest) }
        examine(manifest)
        // `examine` may just have found the proof against it.
        guard !isBarred(manifest.manifest.origin) else { return }
        connections[id].standing.offers.insert(manifest, limit: configuration.offersPerPeer)
        context.events.append(.announced(from: connections[id].remote.id, manifest))
    }

    /// Takes the first piece of a pushed object.
    mutating func beginPush(manifest bytes: [UInt8], prefix: ArraySlice<UInt8>, from id: ConnectionID) {
        guard let manifest = signedManifest(bytes), let push = PushedObject(manifest: manifest, prefix: prefix) else {
            return context.statistics.drop(.badPush)
        }
        if case .takePush(let push) = connections[id].keepPush(push) { takePush(push, from: id) }
    }

    /// Takes a pushed object that has come whole: it counts as offered, and its payload waits to be asked for. One that is
    /// not the manifest's is forgotten, so that asking for it shows what the sender serves.
    mutating func takePush(_ push: PushedObject, from id: ConnectionID) {
        let isTrue = push.isTrue
        if !isTrue { context.statistics.drop(.badPush) }
        receiveOffer(push.manifest, from: id)
        guard isTrue, connections[id].standing.offers[push.manifest.id] != nil else { return }
        connections[id].keep(push, limit: configuration.pushedObjectsPerPeer)
    }
}
