using System.Globalization;

namespace MappingNets;

/// <summary>The range of the single parameters of a description, such as a gain or a strength, which multiply what is computed.</summary>
internal static class StoredNumber
{
    /// <summary>The largest magnitude: beyond it the products of single precision overflow.</summary>
    public const double Largest = 1e30;

    /// <summary>The smallest magnitude of a number that is not 0: below it they vanish.</summary>
    public const double Smallest = 1e-30;

    /// <summary>Refuses a strength that an adapter could not hold.</summary>
    /// <param name="value">The strength.</param>
    /// <param name="argument">The caller's argument that gives it.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive, or its magnitude is absurd.</exception>
    public static double Strength(double value, string argument) => value is >= Smallest and <= Largest
        ? value
        : throw new ArgumentOutOfRangeException(
            argument, value, FormattableString.Invariant($"It must be from {Smallest:R} to {Largest:R}; no adapter could be loaded with another."));

    /// <summary>Refuses a number that is not finite, or whose magnitude is absurd.</summary>
    /// <exception cref="FormatException">It is.</exception>
    public static void Require(string what, double number)
    {
        if (number == 0 || Math.Abs(number) is >= Smallest and <= Largest)
            return;
        throw new FormatException(string.Create(
            CultureInfo.InvariantCulture, $"The {what} is {number:R}; it must be 0, or from {Smallest:R} to {Largest:R} in magnitude"));
    }
}
