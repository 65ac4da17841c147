import Basics
import MurmurKit
import Testing

@Suite struct TextPiecesTests {
    /// Tokens are single bytes: most characters of this text come in several.
    static func decode(_ tokens: [Int32]) -> String {
        String(decoding: tokens.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
    }

    static func pieces(of text: String) -> [String] {
        var pieces = TextPieces(decode: decode)
        return text.utf8.compactMap { pieces.add(Int32($0)) } + [pieces.finish()].compactMap { $0 }
    }

    @Test(arguments: ["", "plain words", "Ünïcödé, 漢字, 👩‍👩‍👧 and e\u{301}", String(repeating: "long – ", count: 400)])
    func togetherTheyAreTheText(text: String) {
        let pieces = Self.pieces(of: text)
        #expect(pieces.joined() == text)
        #expect(pieces.allSatisfy { !$0.isEmpty && !$0.contains("\u{fffd}") })
    }

    @Test func plainTextComesAtOnce() {
        #expect(Self.pieces(of: "abc") == ["a", "b", "c"])
    }

    /// Bytes that are no character are told at the end as what they decode to.
    @Test(arguments: 0..<20) func anyBytesAreTold(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let tokens = (0..<50).map { _ in Int32.random(in: 0...255, using: &generator) }
        var pieces = TextPieces(decode: Self.decode)
        var text = ""
        for token in tokens { text += pieces.add(token) ?? "" }
        text += pieces.finish() ?? ""
        #expect(text == Self.decode(tokens))
    }
}
