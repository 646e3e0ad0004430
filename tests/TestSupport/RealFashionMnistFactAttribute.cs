using Xunit;

namespace MappingNets.Tests;

/// <summary>A test on the complete FashionMNIST, skipped where the Debian package is not installed.</summary>
public sealed class RealFashionMnistFactAttribute : FactAttribute
{
    public RealFashionMnistFactAttribute()
    {
        if (!Directory.Exists(FashionMnist.DebianFolder))
            Skip = $"FashionMNIST is not in {FashionMnist.DebianFolder}.";
    }
}
