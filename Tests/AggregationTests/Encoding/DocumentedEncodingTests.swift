import Adapters
import Aggregation
import Basics
import Foundation
import TestSupport
import Testing

/// The encodings' vectors of docs/protocol.md: made here from fixed values, and looked for on the page.
@Suite("The encodings' vectors on the page")
struct DocumentedEncodingTests {
    private static let schema = AdapterSchema(tensors: [
        .init(name: "a", rows: 1, columns: 70), .init(name: "b", rows: 1, columns: 25),
    ])

    private static func vectors() -> [(name: String, value: [UInt8])] {
        let delta = AdapterDelta(schema: schema, values: (0..<95).map { Float($0 * 37 % 101 - 50) / 96 })
        var vectors: [(String, [UInt8])] = []
        var copy = delta
        // Single precision comes first and needs no vector: what the others say is written in it.
        for var encoding in PayloadEncodingTests.encodings.dropFirst() {
            var payload: [UInt8] = []
            let read = encoding.encode(delta, seed: 3, into: &payload)
            vectors.append(("Encoding \(encoding.number)", payload))
            vectors.append(("What it says", whole(read)))
            if encoding.number == 2 { copy = read }
        }
        var next = copy
        for index in next.values.indices { next[index] += Float(index * index % 41 - 20) / 400 }
        let coded = DifferenceCoding.encoded(next, after: copy, mark: DifferenceCoding.mark(of: copy), step: 1 / 384)!
        vectors.append(("Encoding 5, after what encoding 2 says", coded.payload))
        vectors.append(("What it says", whole(coded.read)))
        return vectors
    }

    private static func whole(_ delta: AdapterDelta) -> [UInt8] {
        var exact = SinglePrecision()
        var bytes: [UInt8] = []
        _ = exact.encode(delta, seed: 0, into: &bytes)
        return bytes
    }

    private static func text(_ vectors: [(name: String, value: [UInt8])]) -> String {
        vectors.map { name, value in
            let lines = stride(from: 0, to: value.count, by: 32).map {
                "    " + Array(value[$0..<min($0 + 32, value.count)]).hexadecimal
            }
            return "\(name):\n\n" + lines.joined(separator: "\n") + "\n"
        }.joined(separator: "\n")
    }

    /// With `MURMUR_WRITE_VECTORS` in the environment the page is written anew: `scripts/make-vectors`.
    @Test func thePageHasThem() throws {
        let page = SharedData.projectRoot.appendingPathComponent("docs/protocol.md")
        var text = try String(contentsOf: page, encoding: .utf8)
        let vectors = Self.text(Self.vectors()) + "\n"
        let start = try #require(text.range(of: "Encoding 2:\n"), "the page has vectors of encodings")
        let end = try #require(text.range(of: "The keys of the other vectors"), "the page goes on")
        if ProcessInfo.processInfo.environment["MURMUR_WRITE_VECTORS"] != nil {
            text.replaceSubrange(start.lowerBound..<end.lowerBound, with: vectors)
            try Data(text.utf8).write(to: page)
        } else {
            let found = text[start.lowerBound..<end.lowerBound]
            #expect(found == vectors, "docs/protocol.md differs; scripts/make-vectors writes it")
        }
    }
}
