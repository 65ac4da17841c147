import Foundation

/// A colour in sRGB.
package struct Colour: Sendable, Hashable {
    package let red: UInt8
    package let green: UInt8
    package let blue: UInt8

    /// The colour `0xRRGGBB`.
    package init(_ code: UInt32) {
        red = UInt8(truncatingIfNeeded: code >> 16)
        green = UInt8(truncatingIfNeeded: code >> 8)
        blue = UInt8(truncatingIfNeeded: code)
    }

    /// `#rrggbb`.
    package var css: String {
        let digits = Array("0123456789abcdef")
        return "#" + [red, green, blue].map { "\(digits[Int($0 >> 4)])\(digits[Int($0 & 15)])" }.joined()
    }

    /// Relative luminance as the Web Content Accessibility Guidelines 2.2 define it, from 0 to 1.
    package var luminance: Double {
        func linear(_ part: UInt8) -> Double {
            let share = Double(part) / 255
            return share <= 0.04045 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4)
        }
        return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    /// The contrast ratio of the same guidelines, from 1 to 21. Text needs 4.5, lines and marks 3.
    package func contrast(with other: Colour) -> Double {
        let (one, two) = (luminance, other.luminance)
        return (max(one, two) + 0.05) / (min(one, two) + 0.05)
    }
}

/// The colours of a page and its charts, by day and by night.
///
/// The series are Okabe and Ito's colours (jfly.uni-koeln.de/color), which colour-blind readers tell apart. Orange and
/// sky blue are darkened by day, where lines would be too faint on white, and blue is lightened by night.
package struct Palette: Sendable, Hashable {
    /// A fill of a heat map's cell and the colour of the text on it.
    package struct Cell: Sendable, Hashable {
        package let fill: Colour
        package let text: Colour
    }

    package let background: Colour
    package let text: Colour
    /// Text that matters less: axis labels, captions.
    package let muted: Colour
    /// Boxes that lie on the background and hold text.
    package let surface: Colour
    /// Grid lines and borders. They carry no meaning.
    package let rule: Colour
    package let link: Colour
    package let series: [Colour]

    package static let day = Palette(
        background: Colour(0xffffff), text: Colour(0x1a1a1a), muted: Colour(0x595959), surface: Colour(0xf5f5f5),
        rule: Colour(0xdcdcdc), link: Colour(0x005a8e),
        series: [0x0072b2, 0xd55e00, 0x009e73, 0xb87a00, 0xcc79a7, 0x3a8fc4, 0x6b6b6b, 0x000000].map { Colour($0) })

    package static let night = Palette(
        background: Colour(0x16181b), text: Colour(0xe8e8e8), muted: Colour(0xa9afb5), surface: Colour(0x202327),
        rule: Colour(0x3a3f45), link: Colour(0x7cc4f0),
        series: [0x3d9bd6, 0xe8731a, 0x00b383, 0xe69f00, 0xcc79a7, 0x7cc4f0, 0x9aa0a6, 0xffffff].map { Colour($0) })

    /// The cells of a heat map from the worst loss to the greatest gain: orange, nothing, blue. They are the same by day
    /// and by night.
    package static let diverging: [Cell] = [
        (0xb84f00, 0xffffff), (0xe07b32, 0x1a1a1a), (0xf2ac78, 0x1a1a1a), (0xfbdcc4, 0x1a1a1a), (0xf2f2f2, 0x1a1a1a),
        (0xc4dff0, 0x1a1a1a), (0x7fb5dc, 0x1a1a1a), (0x3a8bc2, 0x000000), (0x005f96, 0xffffff),
    ].map { Cell(fill: Colour($0), text: Colour($1)) }

    /// The cells from none to most.
    package static var sequential: [Cell] { Array(diverging[4...]) }

    /// Styles for both palettes as custom properties; paper is always white.
    package static var css: String {
        let properties = { (palette: Palette) in
            "--bg:\(palette.background.css);--text:\(palette.text.css);--muted:\(palette.muted.css);"
                + "--surface:\(palette.surface.css);--rule:\(palette.rule.css);--link:\(palette.link.css);"
                + palette.series.enumerated().map { "--c\($0):\($1.css);" }.joined()
        }
        let cells = diverging.enumerated().map { index, cell in
            ".h\(index){background:\(cell.fill.css);color:\(cell.text.css)}"
        }
        return ":root{color-scheme:light dark;\(properties(.day))}\n"
            + "@media screen and (prefers-color-scheme:dark){:root{\(properties(.night))}}\n"
            + cells.joined() + "\n"
    }
}

/// How the lines of a chart are told apart: by colour, by dashes and by marks, so that no one of them is needed.
package struct LineStyle: Sendable, Hashable {
    /// The mark at a line's points.
    package enum Mark: Int, Sendable, CaseIterable {
        case circle, square, triangle, diamond
    }

    /// Which colour of the palette.
    package let colour: Int
    package let mark: Mark
    /// The lengths of dashes and gaps; empty for a line without.
    package let dashes: [Int]

    package init(colour: Int, mark: Mark, dashes: [Int] = []) {
        self.colour = colour
        self.mark = mark
        self.dashes = dashes
    }

    /// The style of the series at `index`: different ones for the first 24.
    package init(_ index: Int) {
        let colours = Palette.day.series.count
        self.init(
            colour: index % colours, mark: Mark.allCases[index % Mark.allCases.count],
            dashes: [[], [6, 3], [2, 3]][index / colours % 3])
    }
}
