import Adapters
import Basics
import Recording
import Testing

@Suite struct TrainingRecordingTests {
    static let schema = AdapterSchema(tensors: [
        .init(name: "a.lora_A.weight", rows: 2, columns: 3), .init(name: "ü", rows: 1, columns: 4),
    ])

    static func recording(entries: Int) -> TrainingRecording {
        var generator = SeededGenerator(seed: 3)
        var recording = TrainingRecording(
            peer: "peer-0", sampleCount: 41, baseModelDigest: (0..<32).map { $0 }, schema: schema)
        func values() -> [Float] { (0..<schema.count).map { _ in Float(generator.normal()) } }
        recording.entries = (0..<entries).map { round in
            TrainingRecording.Entry(
                round: round, start: generator.next(), values: values(), change: values(), loss: generator.normal(),
                tokens: 7 * round, records: 16, duration: .milliseconds(900 + round))
        }
        return recording
    }

    @Test func itIsReadAsItWasWritten() throws {
        let recording = Self.recording(entries: 5)
        let bytes = recording.encoded
        #expect(try TrainingRecording(encoded: bytes) == recording)
        #expect(recording.encodedByteCount == bytes.count)
        #expect(try TrainingRecording(encoded: recording.head).entries.isEmpty)
    }

    /// A file that a crash has cut anywhere holds the entries before it.
    @Test func whatIsCutOffIsNotRead() throws {
        let recording = Self.recording(entries: 3)
        let bytes = recording.encoded
        let (head, each) = (recording.head.count, (bytes.count - recording.head.count) / 3)
        for length in 0..<bytes.count {
            let cut = Array(bytes[..<length])
            if length < head {
                #expect(throws: RecordingError.self) { try TrainingRecording(encoded: cut) }
            } else {
                let read = try TrainingRecording(encoded: cut)
                #expect(read.entries == Array(recording.entries.prefix((length - head) / each)))
                #expect(read.encodedByteCount == length - (length - head) % each)
            }
        }
    }

    /// Every byte counts: turned over, it is noticed, or what follows it is no longer read.
    @Test func whatIsAlteredIsNotRead() throws {
        let recording = Self.recording(entries: 2)
        let bytes = recording.encoded
        for index in bytes.indices {
            var altered = bytes
            altered[index] ^= 0x11
            guard let read = try? TrainingRecording(encoded: altered) else { continue }
            #expect(read.entries.count < 2 && index >= recording.head.count, "byte \(index)")
        }
    }

    @Test func anotherFormatIsNamed() {
        var bytes = Self.recording(entries: 1).encoded
        bytes[8] = 9
        #expect(throws: RecordingError.unknownVersion(9)) { try TrainingRecording(encoded: bytes) }
        #expect(throws: RecordingError.notARecording) { try TrainingRecording(encoded: Array("murmurck".utf8)) }
    }

    @Test func whatWasRecordedComesBackExactlyOrAsAChange() throws {
        let begin = AdapterDelta(schema: Self.schema, values: (0..<Self.schema.count).map { Float($0) * 0.1 })
        var recording = Self.recording(entries: 2)
        recording.entries[0].start = WordHash.of(begin.values)
        recording.entries.append(recording.entries[0])
        recording.entries[2].start = 1
        let exact = try #require(recording.entry(round: 0, start: WordHash.of(begin.values)))
        #expect(exact.outcome(of: .init(round: 0, steps: 1, delta: begin)).delta.values == exact.values)
        let elsewhere = AdapterDelta(zeroOf: Self.schema)
        let other = try #require(recording.entry(round: 0, start: WordHash.of(elsewhere.values)))
        #expect(other.start == 1)
        #expect(other.outcome(of: .init(round: 0, steps: 1, delta: elsewhere)).delta.values == other.change)
        #expect(recording.entry(round: 9, start: 0) == nil)
    }
}
