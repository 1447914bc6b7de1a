# sh total.sh FOLDER TABLE: sums each region's table.
unit=$(sed -n 's/unit: //p' report/report.yaml)
for table in "$1"/*.csv; do
  awk -F, -v name="$(basename "$table" .csv)" -v unit="$unit" '{n += $2} END {print name "," n / unit}' "$table"
done > "$2"
