namespace MappingNets;

/// <summary>
/// The values of the 8-bit floats by their byte: those of the Open Compute Project (OFP8 1.0, and E8M0 of its microscaling formats 1.0),
/// and the FNUZ forms of Graphcore and AMD ("8-bit Numerical Formats for Deep Neural Networks", 2022).
/// </summary>
internal static class EightBitFloats
{
    /// <summary>1 sign, 4 exponent bits (bias 7), 3 of the fraction; no infinity, and only S.1111.111 is NaN.</summary>
    public static float[] E4M3 { get; } = Table(fraction: 3, bias: 7, hasInfinity: false);

    /// <summary>1 sign, 5 exponent bits (bias 15), 2 of the fraction; infinity and NaN as in IEEE 754.</summary>
    public static float[] E5M2 { get; } = Table(fraction: 2, bias: 15, hasInfinity: true);

    /// <summary>A power of two from 2^-127 to 2^127; 255 is NaN.</summary>
    public static float[] E8M0 { get; } =
        [.. Enumerable.Range(0, 256).Select(code => code == 255 ? float.NaN : MathF.ScaleB(1, code - 127))];

    /// <summary>As <see cref="E4M3"/> with bias 8; all finite, but that -0 is NaN instead.</summary>
    public static float[] E4M3FNUZ { get; } = Finite(fraction: 3, bias: 8);

    /// <summary>As <see cref="E5M2"/> with bias 16; all finite, but that -0 is NaN instead.</summary>
    public static float[] E5M2FNUZ { get; } = Finite(fraction: 2, bias: 16);

    private static float[] Finite(int fraction, int bias) =>
        [.. Enumerable.Range(0, 256).Select(code => code == 128 ? float.NaN : Value(code, fraction, bias))];

    private static float[] Table(int fraction, int bias, bool hasInfinity) =>
    [
        .. Enumerable.Range(0, 256).Select(code =>
        {
            var (exponent, rest) = ((code & 127) >> fraction, code & ((1 << fraction) - 1));
            var largest = (1 << (7 - fraction)) - 1;
            if (exponent == largest && (hasInfinity || rest == (1 << fraction) - 1))
                return hasInfinity && rest == 0 ? (code >= 128 ? float.NegativeInfinity : float.PositiveInfinity) : float.NaN;
            return Value(code, fraction, bias);
        }),
    ];

    private static float Value(int code, int fraction, int bias)
    {
        var (sign, exponent, rest) = (code >= 128 ? -1f : 1f, (code & 127) >> fraction, code & ((1 << fraction) - 1));
        return exponent == 0
            ? sign * MathF.ScaleB(rest, 1 - bias - fraction)
            : sign * MathF.ScaleB((1 << fraction) + rest, exponent - bias - fraction);
    }
}
