import Basics
import Federation
import Foundation
import Observability
import Storage
import TestSupport
import Testing

@Suite struct ReadableTests {
    @Test(arguments: [
        (0.0, 3, "0.000"), (1.2345, 2, "1.23"), (-0.5, 1, "-0.5"), (12.999, 1, "13.0"), (-0.0001, 2, "0.00"),
        (7, 0, "7"),
    ])
    func numbersAreRounded(value: Double, digits: Int, text: String) {
        #expect(Readable.number(value, digits: digits) == text)
    }

    @Test(arguments: [
        (0.0, "0"), (0.10149, "0.101"), (9.1769, "9.18"), (152.3, "152"), (-0.5, "-0.500"), (0.000_013, "1.3e-5"),
        (2_500_000, "2.5e6"),
    ])
    func briefNumbersHaveThreeFigures(value: Double, text: String) {
        #expect(Readable.brief(value) == text)
    }

    @Test func scientificNotation() {
        #expect(Readable.scientific(0.000_013) == "1.3e-5")
        #expect(Readable.scientific(0) == "0")
        #expect(Readable.scientific(0.000_999_9) == "1.0e-3")
        #expect(Readable.scientific(nil) == "–")
        // Numbers on both sides of where one digit more would round up to ten.
        for exponent in -12...12 {
            for mantissa in [9.94, 9.949, 9.9499999, 9.95, 9.9500001, 9.96, 9.999] {
                let text = Readable.scientific(mantissa * pow(10, Double(exponent)))
                #expect(!text.hasPrefix("10"), "\(text)")
            }
        }
    }

    @Test(arguments: [(999, "999 B"), (1_500, "1.5 kB"), (2_340_000, "2.3 MB"), (7_000_000_000, "7.00 GB")])
    func bytesInPowersOfTen(count: Int, text: String) {
        #expect(Readable.bytes(count) == text)
    }
}

@Suite struct LoggedEventTests {
    @Test func aLineComesBackAsItWent() throws {
        let fields = JSONObject([
            ("round", .integer(3)), ("loss", .text("nan")), ("bytes_sent", .integer(123)),
            ("present", .array([.text("b")])),
        ])
        let event = LoggedEvent(time: 1_700_000_000.25, peer: "peer-0", event: "mixed", fields: fields)
        let line = event.encoded
        #expect(String(decoding: line, as: UTF8.self).contains("\"bytes_sent\":123"))
        let back = try #require(LoggedEvent(line: line))
        #expect(back == event)
        #expect(back.number("loss")?.isNaN == true)
        #expect(back.round == 3 && back.integer("bytes_sent") == 123 && back.text("present") == nil)
    }

    /// Logs of earlier versions stay readable, whatever fields they had.
    @Test func otherFieldsAreKept() throws {
        let line = #"{"absent":1,"event":"mixed","peer":"a","present":2,"round":0,"time":1}"#
        let event = try #require(LoggedEvent(line: line.utf8))
        #expect(event.event == "mixed" && event.integer("absent") == 1)
    }

    @Test(arguments: ["", "{", "null", "[1,2]", "{\"time\":1}", "{\"time\":\"x\",\"peer\":\"a\",\"event\":\"b\"}"])
    func whatIsNoEventIsLeftOut(line: String) {
        #expect(LoggedEvent(line: line.utf8) == nil)
    }
}

@Suite struct EventRecorderTests {
    /// The log has everything, the ledger only what left: what neighbours have acknowledged, and what they may have.
    @Test func theLedgerHasWhatWasAcknowledged() throws {
        let folder = try TemporaryFolder()
        let recorder = try EventRecorder(names: [:], name: "a", folder: folder.url)
        for kind in PeerEvent.Kind.examples { _ = recorder.record(PeerEvent(time: .zero, kind: kind)) }
        #expect(recorder.close() == 0)
        let log = try LoggedEvent.read(folder.url.appending(path: "events.jsonl"))
        #expect(log.map(\.event) == PeerEvent.Kind.examples.map(\.described.name))
        let ledger = try LoggedEvent.read(folder.url.appending(path: "outgoing.jsonl"))
        let left = ["contribution_sent", "contribution_unconfirmed", "gain_sent"]
        #expect(ledger == log.filter { left.contains($0.event) })
        let line = try #require(ledger.first)
        #expect(line.integer("bytes") == 65_536 && line.integer("tensors") == 8 && line.text("digest") == "0a1b")
    }
}

@Suite struct SwarmProgressTests {
    /// A line of the peer `a` as its log has it.
    static func logged(_ kind: PeerEvent.Kind, of peer: String = "a") -> LoggedEvent {
        LoggedEvent(kind.described, time: 0, peer: peer, name: EventDescriptionTests.name)
    }

    static func mixed(round: Int) -> PeerEvent.Kind {
        .mixed(round: round, disagreement: 0.1, present: [], absent: [], duration: .seconds(1))
    }

    static func traffic(sent: UInt64) -> PeerEvent.Kind {
        .traffic(
            PeerTraffic(
                bytesSent: sent, bytesReceived: 0, datagramsSent: 1, datagramsReceived: 0, packetsLost: 0, dropped: 0))
    }

    @Test func aRestartedPeersTrafficIsAdded() {
        var progress = SwarmProgress(names: ["a", "b"], rounds: 5)
        let kinds: [PeerEvent.Kind] = [
            .started(round: 0, resumed: false), Self.mixed(round: 0), Self.traffic(sent: 100),
            .started(round: 1, resumed: true), Self.mixed(round: 1), Self.traffic(sent: 40),
        ]
        for kind in kinds { progress.record(Self.logged(kind)) }
        #expect(progress.peers["a"]?.bytesSent == 140)
        #expect(progress.bytesSent == 140)
        // A round has the bytes that were told after its mixing.
        #expect(progress.peers["a"]?.traffic.map(\.bytes) == [100, 140])
        #expect(progress.peers["a"]?.traffic.map(\.round) == [0, 1])
    }

    /// A peer tells what it trains on before it has started.
    @Test func thePauseBetweenTwoPartsDoesNotCount() {
        var progress = SwarmProgress(names: ["a"], rounds: 5)
        for (event, time) in [
            ("trains_on", 9), ("started", 10), ("mixed", 30), ("left", 31), ("trains_on", 500), ("started", 501),
            ("mixed", 511),
        ] { progress.record(LoggedEvent(time: Double(time), peer: "a", event: event)) }
        #expect(progress.seconds == 31 && progress.seconds(at: 521) == 41)
    }

    @Test func neighboursComeAndGo() {
        var progress = SwarmProgress(names: ["a"], rounds: 5)
        let ids = [UInt8(1), 2].map { PeerID(bytes: [UInt8](repeating: $0, count: PeerID.byteCount))! }
        let kinds: [PeerEvent.Kind] = [
            .connected(ids[0]), .connected(ids[1]), .disconnected(ids[0], reason: "closed"),
        ]
        for kind in kinds { progress.record(Self.logged(kind)) }
        #expect(progress.peers["a"]?.neighbours == ["peer-2"])
    }

    /// From the first event to the last, as the names and fields of the descriptions have it.
    @Test func phasesFollowTheEvents() {
        var progress = SwarmProgress(names: ["a"], rounds: 5)
        let steps: [(PeerEvent.Kind, String)] = [
            (.started(round: 0, resumed: false), "starting"), (.roundStarted(round: 0), "training"),
            (.trained(round: 0, loss: 2.5, tokens: 1, records: 1, duration: .seconds(1)), "mixing"),
            (Self.mixed(round: 0), "mixing"), (.settling(round: 1, disagreement: 0.01, bound: 0.1), "settling"),
            (.settled(round: 1, bound: 0.1, alone: false), "settled"), (.finished(round: 2), "finished"),
            (.left, "finished"),
        ]
        for (kind, phase) in steps {
            progress.record(Self.logged(kind))
            #expect(progress.peers["a"]?.phase == phase, "\(kind.described.name)")
        }
        #expect(progress.peers["a"]?.loss == 2.5)
        #expect(progress.peers["a"]?.disagreement == 0.01)
        #expect(progress.peers["a"]?.losses.map(\.loss) == [2.5])
        #expect(progress.peers["a"]?.disagreements.map(\.value) == [0.1])
    }
}
