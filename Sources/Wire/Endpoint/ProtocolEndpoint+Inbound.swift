package import Basics

/// Objects on their way to us. Several holders of one may be asked: what is missing is divided among them.
extension ProtocolEndpoint {
    /// Asks a peer for an object that some peer has announced: `received` or `transferFailed` follows. Where others have
    /// been asked for it already, they and this one share the work; each of them may fail by itself, `received` comes once.
    ///
    /// - Parameter leaves: which leaves of the object are wanted; nil for all. Of a part `receivedLeaves` tells, and of one
    ///   object only one part is fetched at a time: whoever wants another first has to `abandon` it.
    package mutating func request(
        _ object: ObjectID, leaves: Range<Int>? = nil, from peer: PeerID, at time: MonotonicTime
    ) {
        func fail(_ reason: TransferFailure) {
            context.events.append(.transferFailed(object, from: peer, reason))
        }
        guard let id = connections.id(of: peer), connections[id].isAssociated else { return fail(.disconnected) }
        guard let manifest = offer(of: object, preferring: id) else { return fail(.unknownObject) }
        guard !connections[id].isSource(of: object) else { return }
        // An object without bytes has no chunks to ask for.
        guard manifest.manifest.payloadByteCount > 0 else {
            context.statistics.objectsReceived += 1
            context.events.append(.received(from: peer, manifest, payload: []))
            return
        }
        let layout = ChunkLayout(payloadByteCount: manifest.manifest.payloadByteCount)
        let wanted = leaves ?? 0..<layout.leafCount
        guard !wanted.isEmpty, wanted.lowerBound >= 0, wanted.upperBound <= layout.leafCount else {
            return fail(.unavailable)
        }
        let byteCount = layout.bytes(ofLeaves: wanted).count
        let isNew = inbound[object] == nil
        if isNew, let push = connections[id].takePushed(object) {
            let bytes = Array(push.payload[layout.bytes(ofLeaves: wanted)])
            return deliver(push.manifest, bytes, of: wanted.count < layout.leafCount ? wanted : nil, from: id)
        }
        guard isNew || inbound[object]?.leaves == wanted else { return fail(.limitReached) }
        let hasRoom =
            !isNew
            || inbound.count < configuration.inboundObjects
                && inboundByteCount + byteCount <= configuration.inboundByteLimit
        guard hasRoom, connections[id].hasRoomForSource(configuration) else { return fail(.limitReached) }
        connections[id].beginSource(of: object, at: time)
        if isNew {
            inbound.insert(InboundTransfer(manifest: manifest, leaves: wanted), of: object)
            inboundByteCount += byteCount
        }
        inbound.change(object) { $0.holders.append(id) }
        divide(object, at: time)
    }

    /// Stops fetching an object, or a part of it: no event follows. What has come of it is forgotten.
    package mutating func abandon(_ object: ObjectID) {
        guard let transfer = inbound.remove(object) else { return }
        inboundByteCount -= transfer.byteCount
        for holder in transfer.holders { connections[holder].completeSource(of: object, cancels: true, &context) }
    }

    /// Divides what is missing of the object among its holders, and asks them.
    private mutating func divide(_ object: ObjectID, at time: MonotonicTime) {
        for share in inbound.change(object, { $0.divide() }) ?? [] {
            connections[share.holder].ask(for: share, of: object, &context, at: time)
        }
    }

    /// Asks a peer again for its share of the object.
    mutating func repeatRequest(for object: ObjectID, to id: ConnectionID, at time: MonotonicTime) {
        guard let share = inbound.change(object, { $0.share(of: id) }) else { return }
        connections[id].ask(for: share, of: object, &context, at: time)
    }

    /// The peer sends nothing more of these objects: what is missing is divided among others, and without any the object is
    /// given up.
    mutating func release(_ objects: [ObjectID], from id: ConnectionID, at time: MonotonicTime) {
        for object in objects {
            removeHolder(id, of: object)
            divide(object, at: time)
        }
    }

    private mutating func removeHolder(_ id: ConnectionID, of object: ObjectID) {
        let isAlone = inbound.change(object) { transfer in
            transfer.holders.removeAll { $0 == id }
            return transfer.holders.isEmpty
        }
        if isAlone == true, let transfer = inbound.remove(object) {
            inboundByteCount -= transfer.byteCount
        }
    }

    /// Puts chunks, which lie in the scratch memory at `range`, into their place in the object.
    mutating func place(
        _ chunk: UInt32, of object: ObjectID, range: Range<Int>, from id: ConnectionID, at time: MonotonicTime
    ) {
        let outcome = inbound.change(object) {
            $0.receive(index: chunk, packet: context.scratch, range: range, from: id)
        }
        switch outcome {
        case .unwanted, nil: context.statistics.drop(.unwantedChunk)
        case .progress(let count):
            let progress = connections[id].progress(
                by: count, of: object, hasRoom: hasRoomForObjects, &context, at: time)
            if let lost = progress.lost { return release(lost, from: id, at: time) }
            if progress.isPaused { hasPausedSources = true }
            guard progress.isDone else { return }
            // Its share is done: it takes some of the others' work, or the rest of its own that one request did not
            // hold.
            if inbound[object]?.hasWorkToShare ?? false {
                divide(object, at: time)
            } else {
                repeatRequest(for: object, to: id, at: time)
            }
        case .corrupt(let holders):
            // Whoever has served something false may have been expelled before that was found out.
            for holder in holders where connections.contains(holder) {
                connections[holder].endSource(of: object, reason: .corrupt, cancels: true, &context)
                removeHolder(holder, of: object)
            }
            divide(object, at: time)
        case .complete: complete(object, by: id)
        }
    }

    private mutating func complete(_ object: ObjectID, by id: ConnectionID) {
        let transfer = inbound.remove(object)!
        inboundByteCount -= transfer.byteCount
        for holder in transfer.holders {
            connections[holder].completeSource(of: object, cancels: holder != id, &context)
        }
        deliver(transfer.manifest, transfer.payload, of: transfer.isPart ? transfer.leaves : nil, from: id)
    }

    /// Hands an object to the layer above, or the bytes of some of its leaves.
    private mutating func deliver(
        _ manifest: SignedManifest, _ bytes: [UInt8], of leaves: Range<Int>?, from id: ConnectionID
    ) {
        context.statistics.payloadBytesReceived += UInt64(bytes.count)
        undeliveredByteCount += bytes.count
        let peer = connections[id].remote.id
        if let leaves {
            context.events.append(.receivedLeaves(leaves, from: peer, manifest, bytes: bytes))
        } else {
            context.statistics.objectsReceived += 1
            context.events.append(.received(from: peer, manifest, payload: bytes))
        }
    }

    private func offer(of object: ObjectID, preferring id: ConnectionID) -> SignedManifest? {
        if let manifest = connections[id].standing.offers[object] { return manifest }
        return connections.ids.lazy.compactMap { connections[$0].standing.offers[object] }.first
    }

    // Back-pressure. A request brings a source some credit, and while what arrives is taken by the layer above, more is
    // given in time, so that nobody waits for it. When the layer above is slow, sources stop, and what waits for it is bounded.

    /// Whether what arrives may wait for the layer above.
    private var hasRoomForObjects: Bool { undeliveredByteCount < configuration.undeliveredByteLimit }

    /// Whether sources wait for credit although there is room.
    var mayResume: Bool { hasPausedSources && hasRoomForObjects }

    /// Gives credit to those that wait for it, if there is room.
    mutating func resume(at time: MonotonicTime) {
        guard mayResume else { return }
        hasPausedSources = false
        for id in connections.ids { connections[id].resumeSources(&context, at: time) }
    }
}
