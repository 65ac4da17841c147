package import Basics

/// Objects on their way to us. Several holders of one may be asked: what is missing is divided among them.
extension ProtocolEndpoint {
    /// Asks a peer for an object that some peer has announced: `received` or `transferFailed` follows. Where others have
    /// been asked for it already, they and this one share the work; each of them may fail by itself, `received` comes once.
    package mutating func request(_ object: ObjectID, from peer: PeerID, at time: MonotonicTime) {
        func fail(_ reason: TransferFailure) { events.append(.transferFailed(object, from: peer, reason)) }
        guard let index = neighbourOfPeer[peer], neighbours[index].isAssociated else {
            return fail(.disconnected)
        }
        guard let manifest = offer(of: object, preferring: index) else { return fail(.unknownObject) }
        let sources = neighbours[index].association!.inbound
        guard !sources.contains(where: { $0.object == object }) else { return }
        let byteCount = manifest.manifest.payloadByteCount
        guard byteCount > 0 else {
            statistics.objectsReceived += 1
            events.append(.received(from: peer, manifest, payload: []))
            return
        }
        let isNew = inbound[object] == nil
        if isNew, deliverPushed(object, from: index) { return }
        let hasRoom =
            !isNew
            || inbound.count < configuration.inboundObjects
                && inboundByteCount + byteCount <= configuration.inboundByteLimit
        guard hasRoom, sources.count < configuration.inboundObjectsPerPeer,
            neighbours[index].association!.controls.hasRoom
        else { return fail(.limitReached) }
        let handle = neighbours[index].association!.nextHandle
        neighbours[index].association!.nextHandle &+= 1
        neighbours[index].association!.inbound.append(
            InboundSource(handle: handle, object: object, at: time))
        if isNew {
            inbound.insert(InboundTransfer(manifest: manifest), of: object)
            inboundByteCount += byteCount
        }
        inbound.change(object) { $0.holders.append(index) }
        divide(object, at: time)
    }

    /// Divides what is missing of the object among its holders, and asks them.
    private mutating func divide(_ object: ObjectID, at time: MonotonicTime) {
        for share in inbound.change(object, { $0.divide() }) ?? [] { ask(share, for: object, at: time) }
    }

    private mutating func ask(_ share: InboundTransfer.Share, for object: ObjectID, at time: MonotonicTime) {
        let index = share.holder
        guard
            let position = neighbours[index].association?.inbound.firstIndex(where: { $0.object == object })
        else { return }
        let hadWork = neighbours[index].association!.inbound[position].remaining > 0
        neighbours[index].association!.inbound[position].remaining = share.chunkCount
        // A holder that is to stop is asked for nothing.
        guard share.chunkCount > 0 || hadWork else { return }
        if !hadWork { neighbours[index].association!.inbound[position].progress = time }
        neighbours[index].association!.inbound[position].renewCredit(configuration.creditChunkCount)
        neighbours[index].association!.inbound[position].asked = time
        _ = enqueue(
            .want(
                transfer: neighbours[index].association!.inbound[position].handle, object: object,
                ranges: share.ranges), to: index)
    }

    mutating func receiveChunk(
        _ chunk: UInt32, of transfer: UInt32, range: Range<Int>, from index: Int, at time: MonotonicTime
    ) {
        guard let position = neighbours[index].association?.inbound.firstIndex(where: { $0.handle == transfer }),
            let object = neighbours[index].association?.inbound[position].object,
            let outcome = inbound.change(
                object, { $0.receive(index: chunk, packet: scratch, range: range, from: index) })
        else { return statistics.drop(.unwantedChunk) }
        switch outcome {
        case .unwanted: statistics.drop(.unwantedChunk)
        case .progress(let count):
            neighbours[index].association!.inbound[position].progress = time
            neighbours[index].association!.inbound[position].remaining -= count
            guard giveCredit(for: position, count: count, from: index, at: time) else { return }
            guard neighbours[index].association!.inbound[position].remaining <= 0 else { return }
            if inbound[object]?.hasWorkToShare ?? false {
                divide(object, at: time)
            } else if let share = inbound.change(object, { $0.share(of: index) }) {
                ask(share, for: object, at: time)
            }
        case .corrupt(let holders):
            for holder in holders { endSource(of: object, at: holder, reason: .corrupt, tell: true) }
            divide(object, at: time)
        case .complete: complete(object, by: index)
        }
    }

    private mutating func complete(_ object: ObjectID, by index: Int) {
        let transfer = inbound.remove(object)!
        inboundByteCount -= transfer.layout.payloadByteCount
        for holder in transfer.holders {
            guard
                let position = neighbours[holder].association?.inbound.firstIndex(where: { $0.object == object })
            else { continue }
            let source = neighbours[holder].association!.inbound.remove(at: position)
            if source.remaining > 0, holder != index {
                _ = enqueue(.cancel(transfer: source.handle, reason: .unwanted), to: holder)
            }
        }
        deliver(transfer.manifest, payload: transfer.payload, from: index)
    }

    /// Hands a whole object to the layer above.
    mutating func deliver(_ manifest: SignedManifest, payload: [UInt8], from index: Int) {
        statistics.objectsReceived += 1
        statistics.payloadBytesReceived += UInt64(payload.count)
        undeliveredByteCount += payload.count
        events.append(.received(from: neighbours[index].remote.id, manifest, payload: payload))
    }

    /// Reports every object on its way from the neighbour as failed; other holders go on.
    mutating func failTransfers(of index: Int, reason: TransferFailure, at time: MonotonicTime) {
        for source in neighbours[index].association?.inbound ?? [] {
            endSource(of: source.object, at: index, reason: reason, tell: false)
            divide(source.object, at: time)
        }
    }

    mutating func receiveCancel(transfer: UInt32, reason: CancelReason, from index: Int, at time: MonotonicTime) {
        if reason == .unwanted {
            neighbours[index].association?.outbound.removeAll { $0.handle == transfer }
        } else if let source = neighbours[index].association?.inbound.first(where: { $0.handle == transfer }) {
            endSource(
                of: source.object, at: index, reason: reason == .busy ? .limitReached : .unavailable, tell: false)
            divide(source.object, at: time)
        }
    }

    /// Asks again for what makes no progress, others too if there are any, and gives up who has made none for long.
    mutating func handleTransferTimeouts(_ index: Int, at time: MonotonicTime) {
        for source in neighbours[index].association?.inbound ?? [] where source.isAwaited {
            if source.progress + configuration.transferTimeout <= time {
                endSource(of: source.object, at: index, reason: .timedOut, tell: true)
                divide(source.object, at: time)
            } else if max(source.progress, source.asked) + configuration.transferRepeat <= time {
                guard let share = inbound.change(source.object, { $0.share(of: index) }) else { continue }
                ask(share, for: source.object, at: time)
            }
        }
    }

    /// Ends the part that a neighbour has in an object; without any other holder the object is given up.
    private mutating func endSource(of object: ObjectID, at index: Int, reason: TransferFailure, tell: Bool) {
        guard
            let position = neighbours[index].association?.inbound.firstIndex(where: { $0.object == object })
        else { return }
        let source = neighbours[index].association!.inbound.remove(at: position)
        if tell { _ = enqueue(.cancel(transfer: source.handle, reason: .unwanted), to: index) }
        let isAlone = inbound.change(object) { transfer in
            transfer.holders.removeAll { $0 == index }
            return transfer.holders.isEmpty
        }
        if isAlone == true, let transfer = inbound.remove(object) {
            inboundByteCount -= transfer.layout.payloadByteCount
        }
        events.append(.transferFailed(object, from: neighbours[index].remote.id, reason))
    }

    private func offer(of object: ObjectID, preferring index: Int) -> SignedManifest? {
        if let manifest = neighbours[index].offers[object] { return manifest }
        return neighbours.lazy.compactMap { $0.offers[object] }.first
    }
}
