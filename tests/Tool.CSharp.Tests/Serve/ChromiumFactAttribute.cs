using Xunit;

namespace MappingNets.Tests.Serve;

/// <summary>A test that looks at a page in Chromium, skipped where there is none.</summary>
public sealed class ChromiumFactAttribute : FactAttribute
{
    public ChromiumFactAttribute()
    {
        if (ChromiumPage.Program is null)
            Skip = "Chromium is missing: sudo apt-get install chromium.";
    }
}
