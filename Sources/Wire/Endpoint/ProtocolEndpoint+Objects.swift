package import Basics

extension ProtocolEndpoint {
    /// Serves an object from now on, to whoever of the swarm asks, until it is retired. The payload must be the
    /// manifest's: its hash tree is computed and compared.
    @discardableResult
    package mutating func publish(_ manifest: SignedManifest, payload: [UInt8]) -> ObjectID {
        publish(manifest, HashedPayload(payload))
    }

    /// The same without hashing the payload once more.
    @discardableResult
    package mutating func publish(_ manifest: SignedManifest, _ payload: HashedPayload) -> ObjectID {
        precondition(
            payload.bytes.count == manifest.manifest.payloadByteCount && payload.root == manifest.manifest.root,
            "a published payload is the one that its manifest describes")
        return serve(manifest, payload)
    }

    /// Serves a payload that need not be the manifest's, as a lying peer would: for tests and simulated attackers.
    @discardableResult
    package mutating func publishUnchecked(_ manifest: SignedManifest, payload: [UInt8]) -> ObjectID {
        serve(manifest, HashedPayload(payload))
    }

    private mutating func serve(_ manifest: SignedManifest, _ payload: HashedPayload) -> ObjectID {
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
        for index in neighbours.indices {
            guard let transfers = neighbours[index].association?.outbound else { continue }
            for transfer in transfers where transfer.object.manifest.id == object {
                cancelOutbound(transfer.handle, of: index, reason: .unavailable)
            }
        }
    }

    /// Offers a published object to a peer, a small one by sending it whole; the offer waits for the session if there is
    /// none yet.
    ///
    /// - Returns: false if it was not taken: not published, unknown peer, or 256 frames already wait.
    @discardableResult
    package mutating func announce(_ object: ObjectID, to peer: PeerID, at time: MonotonicTime) -> Bool {
        guard let object = published[object], let index = neighbourOfPeer[peer] else { return false }
        return push(object, to: index) || enqueue(.offer(object.manifest.encoded), to: index)
    }

    /// Queues a control frame; before there is an association it waits.
    mutating func enqueue(_ frame: ControlFrame, to index: Int) -> Bool {
        guard !isClosed else { return false }
        if neighbours[index].isAssociated {
            guard neighbours[index].association!.controls.append(frame) else { return false }
            markReady(index)
            return true
        }
        guard neighbours[index].waiting.count < configuration.controlQueueLimit else { return false }
        neighbours[index].waiting.append(frame)
        return true
    }

    mutating func receiveOffer(_ bytes: [UInt8], from index: Int) {
        guard let manifest = signedManifest(bytes) else { return statistics.drop(.badManifest) }
        receiveOffer(manifest, from: index)
    }

    /// Takes an offer whose signature is right.
    mutating func receiveOffer(_ manifest: SignedManifest, from index: Int) {
        guard !isBarred(manifest.manifest.origin) else { return statistics.drop(.badManifest) }
        examine(manifest, from: index)
        guard !isBarred(manifest.manifest.origin) else { return }
        neighbours[index].offers.insert(manifest, limit: configuration.offersPerPeer)
        events.append(.announced(from: neighbours[index].remote.id, manifest))
    }

    mutating func receiveWant(transfer: UInt32, object: ObjectID, ranges: [Range<UInt32>], from index: Int) {
        guard let object = published[object] else {
            return cancelOutbound(transfer, of: index, reason: .unavailable)
        }
        let outbound = neighbours[index].association?.outbound ?? []
        if let position = outbound.firstIndex(where: { $0.handle == transfer }) {
            let underWay = neighbours[index].association?.recovery.runsUnderWay(of: transfer) ?? []
            neighbours[index].association?.outbound[position].replace(
                ranges: ranges, except: underWay, credit: configuration.creditChunkCount)
        } else if outbound.count < configuration.outboundObjectsPerPeer {
            neighbours[index].association?.outbound.append(
                OutboundTransfer(
                    handle: transfer, object: object, ranges: ranges, credit: configuration.creditChunkCount))
        } else {
            cancelOutbound(transfer, of: index, reason: .busy)
        }
    }

    mutating func receiveCredit(transfer: UInt32, chunks: UInt32, from index: Int) {
        guard let position = neighbours[index].association?.outbound.firstIndex(where: { $0.handle == transfer })
        else { return }
        neighbours[index].association!.outbound[position].allow(chunks: chunks)
    }

    private mutating func cancelOutbound(_ handle: UInt32, of index: Int, reason: CancelReason) {
        neighbours[index].association?.outbound.removeAll { $0.handle == handle }
        _ = enqueue(.cancel(transfer: handle, reason: reason), to: index)
    }
}
