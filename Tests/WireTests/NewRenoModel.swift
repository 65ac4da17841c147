import Basics

/// How long NewReno as RFC 9002 (section 7) has it would take for an object on an ideal path, round trip by round trip: no
/// timeouts, no acknowledgement that is late or lost, no handshake. A yardstick, not a second implementation.
struct NewRenoModel {
    /// Bytes of payload in a packet, and packets under way at most.
    var packetByteCount = 1152.0
    var windowLimit = 12_000.0
    var roundTrip: Double
    var loss: Double
    /// Packets a second that the path carries, and packets that wait there; nil for no limit.
    var line: (rate: Double, queue: Double)?

    /// Seconds until `byteCount` bytes have arrived.
    func seconds(byteCount: Int, using generator: inout SeededGenerator) -> Double {
        var missing = (Double(byteCount) / packetByteCount).rounded(.up)
        var window = 10.0
        var threshold = Double.infinity
        var seconds = roundTrip
        while missing > 0 {
            let sent = min(window.rounded(.down), windowLimit)
            var lost = 0.0
            for _ in 0..<Int(sent) where generator.uniform() < loss { lost += 1 }
            var duration = roundTrip
            if let line {
                let held = line.rate * roundTrip
                lost += max(0, sent - lost - held - line.queue)
                duration = max(roundTrip, min(sent, held + line.queue) / line.rate)
            }
            missing -= sent - lost
            seconds += duration
            if lost > 0 {
                window = max(window / 2, 2)
                threshold = window
            } else {
                window += window < threshold ? sent : 1
            }
        }
        return seconds
    }
}
