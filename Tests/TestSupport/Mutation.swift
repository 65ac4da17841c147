/// Small random damage to bytes, for tests that hostile input never traps.
package enum Mutation {
    /// `bytes` with one to four changes: flips, replaced, inserted, removed and doubled parts, numbers made huge, a cut.
    package static func apply(to bytes: [UInt8], using generator: inout some RandomNumberGenerator) -> [UInt8] {
        var result = bytes
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            guard !result.isEmpty else { return result }
            let position = Int.random(in: 0..<result.count, using: &generator)
            let end = min(result.count, position + Int.random(in: 1...12, using: &generator))
            switch Int.random(in: 0..<8, using: &generator) {
            case 0: result[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: result[position] = UInt8.random(in: 0...255, using: &generator)
            case 2: result.insert(UInt8.random(in: 0...255, using: &generator), at: position)
            case 3: result.removeSubrange(position..<end)
            case 4: result.insert(contentsOf: result[position..<end], at: position)
            case 5: result.insert(contentsOf: "99999999999999999999".utf8, at: position)
            case 6: result.replaceSubrange(position..<end, with: Array("-[]{}\",:\\0".utf8).shuffled(using: &generator))
            default: result.removeSubrange(position...)
            }
        }
        return result
    }
}
