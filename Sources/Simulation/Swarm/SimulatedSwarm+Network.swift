import Basics
import Faults
import Federation
import Wire

extension SimulatedSwarm {
    /// A datagram is there.
    mutating func arrive(_ datagram: Datagram, at address: NetworkAddress) {
        guard let index = indexOfAddress[address] else {
            // Nobody of the swarm: an intruder, or an address that a peer has lost.
            return
        }
        guard peers[index].process != nil else {
            lost += 1
            return
        }
        if let paused = peers[index].pausedUntil {
            guard peers[index].waiting < Self.socketLimit else {
                lost += 1
                return
            }
            peers[index].waiting += 1
            heap.push(paused, .datagram(to: address, datagram))
            return
        }
        let digest = WordHash.of(datagram.bytes)
        if !peers[index].hasStopped { packets?.arrived(digest: digest, at: index) }
        trace.note(
            time, 3, index, datagram.bytes.count, digest,
            line: peers[index].line(
                "receives", ("bytes", datagram.bytes.count),
                ("from", Self.name(of: datagram.address, indexOfAddress, peers))))
        let local = peers[index].clock.local(at: time)
        peers[index].process!.receive(datagram, at: local, using: &generators[index])
        drain(index)
    }

    /// The name of the peer that has an address, or the address.
    private static func name(
        of address: NetworkAddress, _ indexOfAddress: [NetworkAddress: Int], _ peers: [SimulatedPeer]
    ) -> String {
        indexOfAddress[address].map { peers[$0].name } ?? "\(address)"
    }

    /// Does what the peer's process wants done.
    mutating func drain(_ index: Int) {
        guard peers[index].process != nil else { return }
        let local = peers[index].clock.local(at: time)
        // What `keepMemory` writes takes no time, and its end may bring further effects.
        repeat {
            while let effect = peers[index].process!.nextEffect(at: local, using: &generators[index]) {
                perform(effect, of: index)
            }
        } while keepMemory(of: index)
        if let problem = mass?.check(running: { [peers] in peers[$0].process?.mass }) { violate("mass", problem) }
        if peers[index].process!.isDone { end(index) }
    }

    /// A peer's datagram, or several that it sends as one, enters the network.
    mutating func send(_ datagram: Datagram, from index: Int) {
        guard datagram.segmentByteCount != nil else { return transmit(datagram, from: index) }
        for packet in datagram.packets { transmit(packet, from: index) }
    }

    /// Puts the peer's next wake-up into the heap; one that is in there already is overtaken.
    mutating func wake(_ index: Int, at due: MonotonicTime) {
        peers[index].wake = due
        heap.push(due, .wake(index, incarnation: peers[index].incarnation, due: due))
    }

    /// A peer's datagram enters the network.
    private mutating func transmit(_ datagram: Datagram, from index: Int) {
        datagrams += 1
        bytesSent += UInt64(datagram.bytes.count)
        for number in intruders.indices { intruders[number].overhear(datagram, from: peers[index].address) }
        guard let to = indexOfAddress[datagram.address] else {
            // What a peer's old address is sent amplifies nothing: its neighbours just do not know better yet.
            if !lostAddresses.contains(datagram.address) {
                checker.stranger(datagram.address, sent: 0, received: datagram.bytes.count, at: time)
            }
            lost += 1
            return
        }
        if packets != nil,
            let problem = packets!.sent(datagram.bytes, digest: WordHash.of(datagram.bytes), from: index, to: to)
        {
            violate("nonce", "\(peers[index].name): \(problem)")
        }
        let key = UInt64(index) << 32 | UInt64(to)
        let (elapsed, seed) = (elapsed, plan.seed)
        let (conditions, released) = plan.conditions(from: index, to: to, at: elapsed)
        let deliveries = links[key, default: LinkModel(seed: seed, from: index, to: to)].carry(
            datagram.bytes, at: elapsed, under: conditions, released: released)
        if deliveries.isEmpty { lost += 1 }
        for delivery in deliveries {
            heap.push(
                Self.start + delivery.time,
                .datagram(to: datagram.address, Datagram(address: peers[index].address, bytes: delivery.bytes)))
        }
    }

    /// An intruder sends what it has to send, and will again.
    mutating func intrude(_ number: Int) {
        let interval = intruders[number].intruder.interval
        guard interval.contains(elapsed, healing: scenario.faults.healing) else { return }
        let victim = intruders[number].victim(of: peers.count)
        for sent in intruders[number].datagrams(
            to: peers[victim], wall: UInt64(Self.epoch + time.nanoseconds), at: time)
        {
            trace.note(
                time, 4, number, victim, WordHash.of(sent.bytes),
                line: TraceLine.text(
                    "intruder-\(number)", "intrudes",
                    [
                        .init("bytes", "\(sent.bytes.count)"), .init("to", peers[victim].name),
                        .init("as", Self.name(of: sent.address, indexOfAddress, peers)),
                    ]))
            if indexOfAddress[sent.address] == nil, !lostAddresses.contains(sent.address) {
                checker.stranger(sent.address, sent: sent.bytes.count, received: 0, at: time)
            }
            heap.push(time + .milliseconds(5), .datagram(to: peers[victim].address, sent))
        }
        heap.push(time + intruders[number].pause(), .intrudes(number))
    }
}
