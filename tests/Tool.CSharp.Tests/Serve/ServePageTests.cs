using Xunit;

namespace MappingNets.Tests.Serve;

/// <summary>The page of examples/Serve, in a browser: it shows swaps as they come, and takes a picture.</summary>
public sealed class ServePageTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [ChromiumFact]
    public async Task The_page_shows_a_swap_a_new_adapter_and_a_broken_file_while_it_is_open()
    {
        await using var service = await new TenantService().Start();
        await using var page = await ChromiumPage.Open(service.Address);
        using var stop = new CancellationTokenSource(Patience);
        Assert.Equal("1 time", await page.When(Row("shop"), Cell("shop", 2), stop.Token));

        // The page marks a new one until its next refresh.
        var swapped = await page.Watch($"parseInt({Cell("shop", 2)}) > 1 && {Row("shop")}.className === 'new'", "'swapped'", stop.Token);
        service.Drop("shop", 2);
        await swapped();

        service.Drop("outlet", 3);
        await page.When($"[...document.getElementById('adapter').options].some(option => option.value === 'outlet')", "'offered'", stop.Token);

        service.DropBroken("shop");
        Assert.Contains("shop.safetensors", await page.When($"{Row("shop")} && {Cell("shop", 4)} !== ''", Cell("shop", 4), stop.Token), StringComparison.Ordinal);
    }

    [ChromiumFact]
    public async Task The_page_asks_the_chosen_adapter_for_a_picture()
    {
        await using var service = await new TenantService().Start();
        await using var page = await ChromiumPage.Open(service.Address);
        using var stop = new CancellationTokenSource(Patience);
        await page.When("document.getElementById('adapter').options.length > 0", "'ready'", stop.Token);
        var picture = Pictures.Grey(28, [.. Enumerable.Range(0, 28 * 28).Select(place => (byte)(place * 7))]);
        await page.Evaluate(
            $$"""
            {
              const files = new DataTransfer();
              files.items.add(new File([Uint8Array.from(atob('{{Convert.ToBase64String(picture)}}'), letter => letter.charCodeAt(0))], 'shirt.png'));
              const input = document.getElementById('picture');
              input.files = files.files;
              input.dispatchEvent(new Event('change'));
            }
            """,
            stop.Token);
        var scores = service.Expected(1, picture);
        Assert.Equal(
            $"{FashionMnist.ClassNames[Array.IndexOf(scores, scores.Max())]} (shop)",
            await page.When("document.getElementById('answer').textContent !== ''", "document.getElementById('answer').textContent", stop.Token));
    }

    private static string Row(string adapter) => $"document.getElementById('adapter-{adapter}')";

    private static string Cell(string adapter, int column) => $"{Row(adapter)}?.cells[{column}].textContent";
}
