import Basics
import Federation
import SwarmFile
import Testing
import Wire

/// What gives a run's numbers their meaning, and what is made of a difference.
@Suite struct SettingsTests {
    static let settings = SettingsFingerprint([
        .init("swarm.name", "demo"), .init("model.lora.rank", "8"), .init("model.lora.alpha", "16"),
        .init("tuning.learning-rate", "3e-4"), .init("peers", String(repeating: "ada 0102, ", count: 20)),
        .init("model.base", digest: [1, 2, 3, 4, 5, 6, 7]),
    ])

    static func changed(_ key: String, _ value: String) -> SettingsFingerprint {
        var settings = settings
        settings.set(.init(key, value))
        return settings
    }

    @Test func whatIsLongStandsAsADigest() {
        #expect(Self.settings["model.lora.alpha"] == "16")
        #expect(Self.settings["peers"]?.count == 13 && Self.settings["peers"]?.first == "#")
        #expect(Self.settings["model.base"] == "#010203040506")
    }

    @Test func itReadsBack() {
        #expect(SettingsFingerprint(encoded: Self.settings.encoded) == Self.settings)
        #expect(SettingsFingerprint(encoded: []) == SettingsFingerprint())
    }

    @Test(arguments: 0..<200) func damageNeverTraps(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        func damaged(_ bytes: [UInt8]) -> [UInt8] {
            var bytes = bytes
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            return Array(bytes.prefix(Int.random(in: 0...2 * bytes.count, using: &generator)))
        }
        let bytes = damaged(Self.settings.encoded)
        if let read = SettingsFingerprint(encoded: bytes) { #expect(read.encoded.count <= bytes.count + 255) }
        let message = SettingsMessage.encoded(Self.settings, limit: 1000)
        _ = SettingsMessage(encoded: damaged(message))?.difference(from: Self.settings)
    }

    @Test func textsOfOthersHaveNoControlCharacters() {
        let bad = SettingsFingerprint([.init("tuning.batch", "\u{1B}[2J")])
        #expect(SettingsFingerprint(encoded: bad.encoded) == nil)
    }

    @Test func aDifferenceNamesTheKeyOnBothSides() throws {
        let other = Self.changed("model.lora.alpha", "64")
        #expect(Self.settings.differences(from: Self.settings).isEmpty)
        #expect(Self.settings.differences(from: other).text() == "model.lora.alpha: here 16, there 64")
        let message = try #require(SettingsMessage(encoded: SettingsMessage.encoded(other, limit: 1000)))
        #expect(message.difference(from: Self.settings) == "model.lora.alpha: here 16, there 64")
        #expect(message.difference(from: other) == nil)
        let more = Self.changed("tuning.new-key", "1")
        #expect(more.differences(from: Self.settings).text() == "tuning.new-key: here 1, there none")
        #expect(Self.settings.differences(from: more).text() == "tuning.new-key: here none, there 1")
    }

    @Test func whatThereIsNoRoomForIsStillNoticed() throws {
        let other = Self.changed("model.base", "other")
        for limit in stride(from: 18, through: 200, by: 13) {
            let bytes = SettingsMessage.encoded(other, limit: limit)
            #expect(bytes.count <= max(18, limit))
            let message = try #require(SettingsMessage(encoded: bytes))
            #expect(message.difference(from: Self.settings)?.contains("model.base") == true)
        }
    }

    @Test("The settings of a topology with every key fit into one message") func theyFit() throws {
        let swarm = try VirtualSwarm(graph: "ring", count: 40)
        let settings = SettingsFingerprint(swarm.topology, baseModelDigest: [UInt8](repeating: 7, count: 32))
        let bytes = SettingsMessage.encoded(settings, limit: WireConfiguration.messageByteLimit)
        #expect(bytes.count <= 900, "room for two more keys")
        #expect(SettingsMessage(encoded: bytes)?.entries == settings)
        for key in ["model.lora.alpha", "model.lora.rank-stabilised", "tuning.template", "tuning.rounds", "graph.kind"]
        {
            #expect(settings[key] != nil, "\(key)")
        }
        #expect(settings["tuning.precision"] == nil && settings["swarm.secret"] == nil)
    }

    /// Peer 1 has another alpha than the two others.
    static func divided() throws -> VirtualSwarm {
        var swarm = try VirtualSwarm(graph: "complete", count: 3)
        swarm.adjust = { configuration in
            configuration.settings =
                configuration.remotes.allSatisfy { $0.address?.port != 9001 }
                ? changed("model.lora.alpha", "64") : settings
        }
        return swarm
    }

    @Test func nothingOfADifferentPeerIsMixed() throws {
        var swarm = try Self.divided()
        try swarm.startAll()
        let stopped = swarm.run(for: .seconds(600))
        #expect(stopped)
        for index in [0, 2] {
            let kinds = swarm.kinds(index)
            #expect(kinds.contains(.settingsDiffer(swarm.id(1), reason: "model.lora.alpha: here 16, there 64")))
            for case .mixed(_, _, let present, _, _) in kinds { #expect(!present.contains(swarm.id(1))) }
            for case .contributionRefused(let peer, _, _, let reason) in kinds {
                #expect(peer == swarm.id(1) && reason.contains("model.lora.alpha"))
            }
            #expect(kinds.contains { if case .mixed(_, _, let present, _, _) = $0 { !present.isEmpty } else { false } })
        }
        #expect(swarm.kinds(1).filter { if case .settingsDiffer = $0 { true } else { false } }.count == 2)
    }

    @Test func whoTellsNothingIsNotChecked() throws {
        var swarm = try VirtualSwarm(graph: "complete", count: 3)
        swarm.adjust = { $0.settings = $0.remotes.allSatisfy { $0.address?.port != 9001 } ? nil : Self.settings }
        try swarm.startAll()
        swarm.run(for: .seconds(600))
        for index in 0..<3 {
            #expect(!swarm.kinds(index).contains { if case .contributionRefused = $0 { true } else { false } })
        }
    }

    @Test func theyAreInEveryCheckpoint() throws {
        var swarm = try VirtualSwarm(graph: "complete", count: 2)
        swarm.adjust = {
            $0.settings = Self.settings
            $0.ownSettings = [.init("data.own", "9")]
        }
        try swarm.startAll()
        swarm.run(for: .seconds(600))
        let kept = try #require(swarm.members[0].disk?.settings)
        #expect(kept["data.own"] == "9" && kept["model.lora.alpha"] == "16")
        var checkpoint = CheckpointTests.checkpoint()
        for state in [[], [4]] as [[UInt8]] {
            checkpoint.exchangeState = state
            checkpoint.settings = kept
            #expect(try PeerCheckpoint(encoded: checkpoint.encoded) == checkpoint)
        }
    }
}
