using System.Globalization;

namespace MappingNets;

/// <summary>A constant that a statement rests on, or follows to, and what stands behind it.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Value">Its value; infinite where nothing is established.</param>
/// <param name="Status">What stands behind it.</param>
/// <param name="Meaning">What it bounds, and what is assumed, in one sentence.</param>
public sealed record BoundConstant(string Name, double Value, BoundStatus Status, string Meaning)
{
    /// <summary>"weights of fc1: 0.25 (Proven)".</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name}: {Value:G4} ({Status})");
}
