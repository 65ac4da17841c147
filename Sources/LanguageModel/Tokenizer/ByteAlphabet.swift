/// GPT-2's spelling of arbitrary bytes by printable characters, in which byte-level vocabularies are written.
///
/// Printable bytes of Latin-1 stand for themselves; the 68 others are the characters from U+0100 on, in order.
enum ByteAlphabet {
    /// The UTF-8 spelling of each byte.
    static let spelling: [[UInt8]] = scalars.map { Array($0.utf8) }

    private static let scalars: [Unicode.Scalar] = {
        var scalars: [Unicode.Scalar] = []
        var next: UInt32 = 0x100
        for byte in UInt8.min...UInt8.max {
            if isPrintable(byte) {
                scalars.append(Unicode.Scalar(byte))
            } else if let scalar = Unicode.Scalar(next) {
                scalars.append(scalar)
                next += 1
            }
        }
        return scalars
    }()

    private static let byteOfScalar: [Unicode.Scalar: UInt8] = {
        var table: [Unicode.Scalar: UInt8] = [:]
        for (byte, scalar) in scalars.enumerated() { table[scalar] = UInt8(byte) }
        return table
    }()

    private static func isPrintable(_ byte: UInt8) -> Bool {
        (0x21...0x7e).contains(byte) || (0xa1...0xac).contains(byte) || byte >= 0xae
    }

    /// The bytes that `token` spells; `token` itself when it has a character outside the alphabet.
    static func bytes(of token: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        for scalar in String(decoding: token, as: UTF8.self).unicodeScalars {
            guard let byte = byteOfScalar[scalar] else { return token }
            bytes.append(byte)
        }
        return bytes
    }
}
