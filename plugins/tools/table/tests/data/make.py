"""Makes the workbook and the expected answers beside it, from the three data sets.

    pip install pandas xlsxwriter vega_datasets
    python make.py

`seattle-weather.csv`, `stocks.csv` and `iris.json` are those of vega_datasets. What is in `expected.json` was
calculated by pandas, and `sales.xlsx` was written by XlsxWriter: neither shares code with the tools.
"""

import datetime
import json

import pandas
import xlsxwriter

weather = pandas.read_csv("seattle-weather.csv")
stocks = pandas.read_csv("stocks.csv")
iris = pandas.read_json("iris.json")

by_weather = weather.groupby("weather")
hot = weather[(weather.temp_max >= 33) & (weather.weather == "sun")].sort_values(
    ["temp_max", "date"], ascending=[False, True]
)
species = iris.groupby("species").petalLength
expected = {
    "weather": {
        name: {
            "count": int(len(group)),
            "mean_temp_max": group.temp_max.mean(),
            "std_wind": group.wind.std(),
            "median_wind": group.wind.median(),
            "sum_precipitation": group.precipitation.sum(),
            "max_date": group.date.max().replace("/", "-"),
        }
        for name, group in by_weather
    },
    "hot": [[row.date.replace("/", "-"), row.temp_max] for row in hot.itertuples()],
    "stocks": stocks.groupby("symbol").price.max().to_dict(),
    "iris": {name: [group.mean(), group.std(), group.median()] for name, group in species},
}
with open("expected.json", "w") as file:
    json.dump(expected, file, indent=1)
    file.write("\n")

book = xlsxwriter.Workbook("sales.xlsx")
notes = book.add_worksheet("About")
notes.write("B3", "Sales of the shop")
sales = book.add_worksheet("Sales 2024")
day = book.add_format({"num_format": "dd.mm.yyyy"})
moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
# A title, an empty row, and a table that does not begin in the first column.
sales.write("B1", "All amounts in euros")
sales.write_row("B3", ["Day", "Article", "Pieces", "Price", "Paid", "When", "Total"])
rows = [
    [datetime.date(2024, 2, 29), "Äpfel & Birnen", 3, 1.5, True, datetime.datetime(2024, 2, 29, 13, 5, 0), 4.5],
    [datetime.date(2024, 3, 1), "Nüsse <ganz>", 10, 0.25, False, datetime.datetime(2024, 3, 1, 8, 30, 15), 2.5],
    [datetime.date(2024, 3, 2), "Äpfel & Birnen", None, 1.75, True, datetime.datetime(2024, 3, 2, 0, 0, 1), 0],
]
for row, values in enumerate(rows, start=3):
    sales.write_datetime(row, 1, values[0], day)
    sales.write_row(row, 2, values[1:5])
    sales.write_datetime(row, 6, values[5], moment)
    sales.write_formula(row, 7, f"=D{row + 1}*E{row + 1}", None, values[6])
sales.write_datetime(7, 1, datetime.date(2024, 3, 4), day)
sales.write_formula(7, 7, "=1/0", None, "#DIV/0!")
book.add_worksheet("Empty")
book.close()
